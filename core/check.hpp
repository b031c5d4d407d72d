// The three kinds of failure: a broken promise (CHECK), a command that cannot go on (Error), the world saying no (Available).
#pragma once

#include <cstdio>
#include <cstdlib>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>

namespace oldiron {

/// Ends a command: one sentence that says what, where, and what to do. Caught once, in app/main.cpp; exit code 2.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A value, or the reason why this machine, engine or file does not offer it.
template <class T>
class Available {
 public:
  Available(T value) : value_(std::move(value)) {}  // NOLINT(google-explicit-constructor): reads as the value

  static Available not_available(std::string reason) {
    Available none;
    none.reason_ = std::move(reason);
    return none;
  }

  explicit operator bool() const { return value_.has_value(); }

  const T& operator*() const { return *value_; }

  const T* operator->() const { return &*value_; }

  T& operator*() { return *value_; }

  /// Why there is no value; empty if there is one.
  const std::string& reason() const { return reason_; }

  bool operator==(const Available&) const = default;

 private:
  Available() = default;
  std::optional<T> value_;
  std::string reason_;
};

[[noreturn]] inline void check_failed(const char* condition, const char* file, int line, const char* message) {
  std::fprintf(stderr, "%s:%d: broken promise: %s (%s)\n", file, line, condition, message);
  std::abort();
}

}  // namespace oldiron

#define CHECK(condition, message) \
  ((condition) ? static_cast<void>(0) : ::oldiron::check_failed(#condition, __FILE__, __LINE__, message))
#ifdef NDEBUG
#define DCHECK(condition, message) static_cast<void>(0)
#else
#define DCHECK(condition, message) CHECK(condition, message)
#endif
