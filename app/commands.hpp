// The list of commands; each returns the program's exit code and throws Error for what it cannot do.
#pragma once

#include <string>

#include "app/options.hpp"

namespace oldiron {

int cmd_probe(const Options& options);
int cmd_facts(const Options& options);
int cmd_doctor(const Options& options);
int cmd_record(const Options& options);
int cmd_model(const Options& options);
int cmd_tune(const Options& options);
int cmd_report(const Options& options);
int cmd_synth(const Options& options);
int cmd_logits(const Options& options);
int cmd_generate(const Options& options);
int cmd_quality(const Options& options);
int cmd_trial(const Options& options);
int cmd_audit(const Options& options);
int cmd_engines(const Options& options);
int cmd_endpoint(const Options& options);
int cmd_guard(const Options& options);

/// Folder of the cards: OLDIRON_CONFIGS in the environment, beside the binary's source, or beside the binary.
std::string cards_dir();

/// Folder of the described machines, beside that of the cards.
std::string machines_dir();

/// Makes the folder of --out; throws Error where it cannot be made or written to, before any work.
void make_out_dir(const std::string& dir);

}  // namespace oldiron
