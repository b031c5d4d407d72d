// The fake llama-server: fake_engine under that name. It loads for load_s seconds, answers /health, /props and streamed
// /completion requests with the timings of the known speeds, and asks for its API key where it was given one.
//
// It fails while it loads, or with fail_at=generation once the first token of the first request with more than 4 tokens is out.
// Beside the ways of fake_engine.cpp (half_json and nan at generation only):
//   port         finds its port taken          no_key       lets everybody in, as somebody else's server would
//   endless      streams tokens for ever       babble_for_ever  writes to stderr for ever
//   null         gives null for its times      no_timings   leaves the timings out
//   zombie       leaves a child that has ended and is not waited for
// The first short_answers [0] of its answers with more than 4 tokens end after half of them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/fake_settings.hpp"

inline const char* const kServerHelp =
    "  -h, --help\n  --version\n  -m, --model FNAME\n  -c, --ctx-size N\n  -np, --parallel N\n  -t, --threads N\n  -tb, --threads-batch N\n"
    "  -ub, --ubatch-size N\n  -b, --batch-size N\n  -fa, --flash-attn V\n  -ctk, --cache-type-k T\n  -ctv, --cache-type-v T\n"
    "  --no-mmap\n  --host HOST\n  --port PORT\n  --api-key KEY\n  -cram, --cache-ram N\n  --spec-type T\n  -md, --model-draft FNAME\n";
inline const char* const kServerHelpLlama = "  (env: LLAMA_API_KEY)\n  -lm, --load-mode M\n  -nr, --no-repack\n  --override-kv KV\n  --spec-draft-n-max N\n";
inline const char* const kServerHelpIk = "  -rtr, --run-time-repack\n  -okv KV\n";

/// Serves until it is killed.
[[noreturn]] void run_server(const Settings& settings, const std::map<std::string, std::string>& flags, const std::vector<std::string>& fail);
