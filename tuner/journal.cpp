// The journal's SQLite: one table of trials, one row that says who wrote it.
#include "tuner/journal.hpp"

#include <sqlite3.h>

#include <nlohmann/json.hpp>
#include <utility>

#include "core/json.hpp"

namespace oldiron {

namespace {

constexpr int kApplicationId =
    0x6f6c6469;  // "oldi", in the file's header, so that foreign databases are told apart
constexpr const char* kSchema = "1";

class Statement {
 public:
  Statement(sqlite3* handle, const char* sql) : handle_(handle) {
    if (sqlite3_prepare_v2(handle, sql, -1, &statement_, nullptr) != SQLITE_OK)
      throw Error(sqlite3_errmsg(handle));
  }

  ~Statement() { sqlite3_finalize(statement_); }

  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& bind(int index, std::string_view text) {
    sqlite3_bind_text(statement_, index, text.data(), static_cast<int>(text.size()), SQLITE_TRANSIENT);
    return *this;
  }

  /// True while there is a row.
  bool step() {
    const int result = sqlite3_step(statement_);
    if (result != SQLITE_ROW && result != SQLITE_DONE) throw Error(sqlite3_errmsg(handle_));
    return result == SQLITE_ROW;
  }

  std::string text(int column) const {
    const void* bytes = sqlite3_column_blob(statement_, column);
    const int size = sqlite3_column_bytes(statement_, column);
    return bytes == nullptr ? ""
                            : std::string(static_cast<const char*>(bytes), static_cast<std::size_t>(size));
  }

 private:
  sqlite3* handle_;
  sqlite3_stmt* statement_ = nullptr;
};

}  // namespace

struct Journal::Database {
  std::string path;
  sqlite3* handle = nullptr;

  ~Database() { sqlite3_close(handle); }

  void run(const char* sql) const {
    if (sqlite3_exec(handle, sql, nullptr, nullptr, nullptr) != SQLITE_OK)
      throw Error(sqlite3_errmsg(handle));
  }

  std::string value(const char* sql) const {
    Statement statement(handle, sql);
    return statement.step() ? statement.text(0) : "";
  }

  /// Says which file it is about and what to do, whatever SQLite's own words are.
  [[noreturn]] void fail(const std::string& why) const {
    const int code = sqlite3_errcode(handle) & 0xff;
    if (code == SQLITE_BUSY || code == SQLITE_LOCKED)
      throw Error("journal " + path +
                  " is in use by another process: wait until that ends, or choose another --out");
    if (code == SQLITE_NOTADB || code == SQLITE_CORRUPT)
      throw Error("journal " + path + " is damaged or no journal (" + why +
                  "): move it away, or choose another --out");
    throw Error("journal " + path + " cannot be written (" + why +
                "): make its folder writable, or choose another --out");
  }

  template <class F>
  auto guarded(F&& f) const {
    try {
      return f();
    } catch (const Error& error) {
      fail(error.what());
    }
  }
};

namespace {

std::string foreign(const std::string& path, const std::string& what) {
  return "journal " + path + " is " + what + ": move it away, or choose another --out";
}

}  // namespace

Journal::Journal(const std::string& path, double busy_s) : database_(std::make_unique<Database>()) {
  Database& db = *database_;
  db.path = path;
  if (sqlite3_open_v2(path.c_str(), &db.handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, nullptr) !=
      SQLITE_OK)
    db.fail(db.handle == nullptr ? "out of memory" : sqlite3_errmsg(db.handle));
  sqlite3_busy_timeout(db.handle, static_cast<int>(busy_s * 1e3));
  const std::string application = db.guarded([&] { return db.value("PRAGMA application_id"); });
  const std::string tables = db.guarded([&] { return db.value("SELECT count(*) FROM sqlite_master"); });
  const bool ours = application == std::to_string(kApplicationId);
  if (!ours && (application != "0" || tables != "0"))
    throw Error(foreign(path, "the database of another program"));
  db.guarded([&] {
    // WAL keeps a reader and a writer apart; NORMAL survives the death of this process, which is what resume
    // needs.
    db.run("PRAGMA journal_mode = WAL");
    db.run("PRAGMA synchronous = NORMAL");
    db.run("BEGIN IMMEDIATE");
    db.run(("PRAGMA application_id = " + std::to_string(kApplicationId)).c_str());
    db.run("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)");
    db.run(
        "CREATE TABLE IF NOT EXISTS trials (number INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL "
        "UNIQUE, "
        "status TEXT NOT NULL, trial TEXT NOT NULL)");
    Statement(db.handle, "INSERT OR IGNORE INTO meta VALUES ('schema', ?1)").bind(1, kSchema).step();
    db.run("COMMIT");
  });
  const std::string schema =
      db.guarded([&] { return db.value("SELECT value FROM meta WHERE name = 'schema'"); });
  if (schema != kSchema)
    throw Error(foreign(
        path, "of another version of oldiron (schema " + schema + ", this one reads " + kSchema + ")"));
}

Journal::~Journal() = default;
Journal::Journal(Journal&& other) noexcept = default;
Journal& Journal::operator=(Journal&& other) noexcept = default;

void Journal::put(const std::string& key, const Trial& trial) {
  const Database& db = *database_;
  db.guarded([&] {
    Statement(db.handle,
              "INSERT INTO trials (key, status, trial) VALUES (?1, ?2, ?3) "
              "ON CONFLICT (key) DO UPDATE SET status = excluded.status, trial = excluded.trial")
        .bind(1, key)
        .bind(2, to_string(trial.status))
        .bind(3, dump_json(to_json(trial)))
        .step();
  });
}

std::optional<Trial> Journal::find(const std::string& key) const {
  const Database& db = *database_;
  const std::string text = db.guarded([&] {
    Statement statement(db.handle, "SELECT trial FROM trials WHERE key = ?1");
    return statement.bind(1, key).step() ? statement.text(0) : std::string();
  });
  if (text.empty()) return std::nullopt;
  return trial_from_json(parse_json(text, "trial " + key + " of journal " + db.path));
}

std::vector<Trial> Journal::all() const {
  const Database& db = *database_;
  const std::vector<std::string> texts = db.guarded([&] {
    std::vector<std::string> rows;
    Statement statement(db.handle, "SELECT trial FROM trials ORDER BY number");
    while (statement.step()) rows.push_back(statement.text(0));
    return rows;
  });
  std::vector<Trial> trials;
  for (const std::string& text : texts)
    trials.push_back(trial_from_json(parse_json(text, "a trial of journal " + db.path)));
  return trials;
}

Evaluate remembered(Journal& journal, Identity identity, Evaluate evaluate, bool retry) {
  return [&journal, identity = std::move(identity), evaluate = std::move(evaluate),
          retry](const TrialSpec& spec) {
    const std::string key =
        trial_key(spec, identity.engine_version, identity.machine_fingerprint, identity.model_fingerprint);
    if (std::optional<Trial> known = journal.find(key)) {
      const bool finished = known->status == Status::ok || known->status == Status::noisy;
      if (finished || !retry) return *known;
    }
    Trial trial = evaluate(spec);
    journal.put(key, trial);
    return trial;
  };
}

}  // namespace oldiron
