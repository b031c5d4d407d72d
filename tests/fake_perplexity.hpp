// The llama-perplexity of fake_engine: --kl-divergence-base writes a file of the right shape, --kl-divergence prints a recorded run.
//
// Settings beside those of fake_engine.cpp:
//   figures    file to print for --kl-divergence
//   vocab      words of the vocabulary [512]
//   fail       also, of the figures: nan (the mean divergence), missing (the same line is not there), truncated (half of them), lost
//              (truncated until the call `fail_until`); of the base: half_base (a disk that filled up, exit code 0)
#pragma once

#include <map>
#include <string>
#include <vector>

#include "tests/fake_settings.hpp"

inline const char* const kPerplexityHelp =
    "  -h, --help\n  -m, --model FNAME\n  -f, --file FNAME\n  -c, --ctx-size N\n  -b, --batch-size N\n  -t, --threads N\n"
    "  -tb, --threads-batch N\n  -ctk, --cache-type-k TYPE\n  -ctv, --cache-type-v TYPE\n  --chunks N\n  --kl-divergence\n"
    "  --kl-divergence-base FNAME\n";
inline const char* const kPerplexityHelpLlama = "  --override-kv KEY=TYPE:VALUE,...\n  -nr, --no-repack\n";
inline const char* const kPerplexityHelpIk = "  -okv, --override-kv KEY=TYPE:VALUE\n  -rtr, --run-time-repack\n  --log-disable\n";

[[noreturn]] void run_perplexity(const Settings& settings, const std::map<std::string, std::string>& flags, const std::vector<std::string>& fail);
