// Flags that somebody else's line has and a run of ours does not take over, for one_of(): by the first spellings of their
// records, and by single flags of group records.
#pragma once

#include <string_view>

namespace oldiron {

inline constexpr std::string_view kInteractiveFlags =
    "-cnv --conversation -i --interactive -if --interactive-first -mli --multiline-input -co --color -st --single-turn --in-prefix-bos --infill";
inline constexpr std::string_view kDownloadFlags = "-hf -hfr --hf-repo -hff --hf-file -hft --hf-token -mu --model-url -hfd -hfrd --mmproj-url";
inline constexpr std::string_view kWorkFlags =
    "-m --model -p --prompt -n --predict --n-predict -f --file -bf --binary-file --n-prompt --n-gen -pg -gp -d --n-depth -r --repetitions -o --output -oe --output-err";
inline constexpr std::string_view kLogFlags =
    "-v --verbose --verbosity -lv --log-verbosity --log-verbose --log-file --log-disable --log-enable --log-new --log-append --minilog";
inline constexpr std::string_view kServiceFlags = "--host --port --api-key --api-key-file --ssl-key-file --ssl-cert-file --path --slot-save-path --reuse-port";
inline constexpr std::string_view kFileFlags = "-md --model-draft --spec-draft-model --mmproj --lora --grammar-file --chat-template-file --json-schema-file -jf";

}  // namespace oldiron
