// The journal keeps what is finished, refuses what is not its own, and says clearly what it cannot use.
#include "tuner/journal.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/tuner/surface.hpp"

namespace oldiron::journal_test {
namespace {

namespace fs = std::filesystem;

class JournalTest : public testing::Test {
 protected:
  JournalTest() : folder_(fs::temp_directory_path() / ("oldiron_journal_" + std::to_string(getpid()))) {
    fs::create_directories(folder_);
  }

  ~JournalTest() override { fs::remove_all(folder_); }

  std::string path(const char* name = "journal.sqlite") const { return (folder_ / name).string(); }

  std::string why_refused(const std::string& file) const {
    try {
      Journal journal(file, 0.05);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  }

  fs::path folder_;
};

/// Another program with the same file.
class Stranger {
 public:
  explicit Stranger(const std::string& path) { EXPECT_EQ(sqlite3_open(path.c_str(), &handle_), SQLITE_OK); }

  ~Stranger() { sqlite3_close(handle_); }

  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;

  void run(const char* sql) {
    EXPECT_EQ(sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr), SQLITE_OK) << sql;
  }

 private:
  sqlite3* handle_ = nullptr;
};

TrialSpec spec_of(int threads, int repetition = 0) {
  TrialSpec spec;
  spec.model = "m";
  spec.config.decode_threads = threads;
  spec.repetition = repetition;
  return spec;
}

Trial trial_of(const TrialSpec& spec, Status status = Status::ok) {
  Trial trial;
  trial.spec = spec;
  trial.status = status;
  trial.reason = status == Status::ok ? "" : "it said: \"no\" \xff";
  trial.measurements = {summarise(kDecode, "tokens/s", {7.5, 8.25, 7.75})};
  trial.provenance.wall_s = 3.5;
  return trial;
}

TEST_F(JournalTest, GivesBackWhatWasPutAfterReopening) {
  const Trial trial = trial_of(spec_of(2));
  {
    Journal journal(path());
    journal.put("a", trial);
    journal.put("b", trial_of(spec_of(1), Status::timed_out));
  }
  const Journal journal(path());
  EXPECT_EQ(journal.find("a"), trial);
  EXPECT_EQ(journal.find("c"), std::nullopt);
  ASSERT_EQ(journal.all().size(), 2U);
  EXPECT_EQ(journal.all()[1].status, Status::timed_out);
}

TEST_F(JournalTest, ALaterPutReplacesInPlace) {
  Journal journal(path());
  journal.put("a", trial_of(spec_of(1), Status::failed));
  journal.put("b", trial_of(spec_of(2)));
  journal.put("a", trial_of(spec_of(1)));
  ASSERT_EQ(journal.all().size(), 2U);
  EXPECT_EQ(journal.all()[0].status, Status::ok);
}

TEST_F(JournalTest, TwoProcessesMayWriteInTurn) {
  Journal one(path()), two(path());
  one.put("a", trial_of(spec_of(1)));
  two.put("b", trial_of(spec_of(2)));
  EXPECT_TRUE(one.find("b").has_value());
}

TEST_F(JournalTest, RefusesAFolderThatIsNotThere) {
  EXPECT_THAT(why_refused(path("no/such/folder/journal.sqlite")),
              testing::AllOf(testing::HasSubstr("no/such/folder"), testing::HasSubstr("cannot be written"),
                             testing::HasSubstr("--out")));
}

TEST_F(JournalTest, RefusesAFolderInThePlaceOfTheFile) {
  EXPECT_THAT(why_refused(folder_.string()), testing::HasSubstr("cannot be written"));
}

TEST_F(JournalTest, RefusesAFileThatMayOnlyBeRead) {
  { Journal journal(path()); }
  fs::permissions(path(), fs::perms::owner_read);
  if (access(path().c_str(), W_OK) == 0) GTEST_SKIP() << "root writes everywhere";
  EXPECT_THAT(why_refused(path()), testing::HasSubstr("cannot be written"));
}

TEST_F(JournalTest, RefusesWhatIsNoDatabase) {
  std::ofstream(path())
      << "These are not the bytes of a database, and there are more than a hundred of them here, "
         "so that the header is read in full.";
  EXPECT_THAT(why_refused(path()), testing::HasSubstr("damaged or no journal"));
}

TEST_F(JournalTest, RefusesADamagedJournal) {
  {
    Journal journal(path());
    for (int i = 0; i < 100; ++i) journal.put(std::to_string(i), trial_of(spec_of(i)));
  }
  std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(100);
  const std::string rubbish(4096 * 3, '\x5a');
  file.write(rubbish.data(), static_cast<std::streamsize>(rubbish.size()));
  file.close();
  EXPECT_THAT(why_refused(path()), testing::HasSubstr("damaged or no journal"));
}

TEST_F(JournalTest, RefusesAnotherProgramsDatabase) {
  Stranger(path()).run("CREATE TABLE songs (title TEXT)");
  EXPECT_THAT(why_refused(path()), testing::HasSubstr("another program"));
}

TEST_F(JournalTest, RefusesAnotherVersion) {
  { Journal journal(path()); }
  Stranger(path()).run("UPDATE meta SET value = '99'");
  EXPECT_THAT(why_refused(path()), testing::HasSubstr("schema 99"));
}

TEST_F(JournalTest, SaysWhenAnotherProcessHoldsIt) {
  { Journal journal(path()); }
  Stranger stranger(path());
  stranger.run("PRAGMA journal_mode = DELETE");
  stranger.run("BEGIN EXCLUSIVE");
  EXPECT_THAT(why_refused(path()), testing::HasSubstr("in use by another process"));
}

struct Counter {
  int calls = 0;
  Status status = Status::ok;

  Trial operator()(const TrialSpec& spec) {
    ++calls;
    return trial_of(spec, status);
  }
};

TEST_F(JournalTest, RememberedRunsATrialOnce) {
  Journal journal(path());
  Counter counter;
  const Evaluate evaluate = remembered(journal, {"1", "m", "w"}, std::ref(counter));
  const Trial first = evaluate(spec_of(2));
  EXPECT_EQ(evaluate(spec_of(2)), first);
  EXPECT_EQ(counter.calls, 1);
  evaluate(spec_of(2, 1));
  evaluate(spec_of(1));
  EXPECT_EQ(counter.calls, 3);
  const Evaluate newer = remembered(journal, {"2", "m", "w"}, std::ref(counter));
  newer(spec_of(2));
  EXPECT_EQ(counter.calls, 4);
}

TEST_F(JournalTest, FailuresAreRememberedUnlessRetried) {
  Journal journal(path());
  for (Status status : {Status::failed, Status::timed_out, Status::unsupported}) {
    Counter counter;
    counter.status = status;
    const TrialSpec spec = spec_of(static_cast<int>(status) + 1);
    remembered(journal, {}, std::ref(counter))(spec);
    EXPECT_EQ(remembered(journal, {}, std::ref(counter))(spec).status, status);
    EXPECT_EQ(counter.calls, 1);
    counter.status = Status::ok;
    EXPECT_EQ(remembered(journal, {}, std::ref(counter), true)(spec).status, Status::ok);
    EXPECT_EQ(remembered(journal, {}, std::ref(counter), true)(spec).status, Status::ok);
    EXPECT_EQ(counter.calls, 2);
  }
}

TEST_F(JournalTest, ATrialThatDiedIsAbsent) {
  Journal journal(path());
  const Evaluate evaluate = remembered(journal, {}, [](const TrialSpec&) -> Trial { throw StopTune{}; });
  EXPECT_THROW(evaluate(spec_of(1)), StopTune);
  EXPECT_TRUE(journal.all().empty());
}

}  // namespace
}  // namespace oldiron::journal_test
