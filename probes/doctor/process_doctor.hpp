// The doctor's look at a running process that somebody else started: Ollama, LM Studio, a llama-server.
#pragma once

#include "probes/doctor/doctor.hpp"
#include "probes/process_facts.hpp"

namespace oldiron {

/// `patient` gives the machine that it runs on.
Diagnosis diagnose_process(const ProcessFacts& process, const Patient& patient);

}  // namespace oldiron
