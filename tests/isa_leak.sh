#!/bin/sh
# isa_leak.sh OBJECT... : fails if an object of kernels/isa exports more than its table(), keeps AVX code in a symbol that the
# linker may pick for the whole program, runs code at start-up, or lacks the instruction its name promises.
set -eu
fail=0
say() { echo "isa_leak: $*" >&2; fail=1; }

for object in "$@"; do
  isa=$(basename "$object" .cpp.o)
  exported=$(nm -C --defined-only --extern-only "$object" | sed 's/^[0-9a-f]* //')
  # Sanitizers add weak markers of their own (DW.ref, __odr_asan, __asan …): data, no code.
  for_people=$(echo "$exported" | grep -v -E '^[VDBRdbr] (DW\.ref|__odr_asan|__asan|__ubsan)' || true)
  strong=$(echo "$for_people" | grep -v '^W ' || true)
  [ "$strong" = "T oldiron::$isa::table()" ] || say "$isa exports more than table(): $strong"

  # Weak functions are inline ones of headers: any object's copy may win, so none may need more than the base CPU.
  for weak in $(nm --defined-only "$object" | awk '$2 == "W" {print $3}'); do
    if objdump -d --no-show-raw-insn --disassemble="$weak" "$object" | grep -q -E '\s(v[a-z0-9]+ |[kt](mov|tile))|%[yz]mm'; then
      say "$isa: the weak symbol $weak contains AVX code"
    fi
  done

  if objdump -h "$object" | grep -q -E '\.(init_array|ctors)' && ! nm "$object" | grep -q asan; then
    say "$isa runs code at start-up, on any CPU"
  fi

  case $isa in
    scalar) if objdump -d --no-show-raw-insn "$object" | grep -q '%[yz]mm'; then say "scalar uses wide registers"; fi ;;
    avx2) objdump -d --no-show-raw-insn "$object" | grep -q vpmaddubsw || say "avx2 lacks vpmaddubsw"
          if objdump -d --no-show-raw-insn "$object" | grep -q '%zmm'; then say "avx2 uses zmm registers"; fi ;;
    *vnni) objdump -d --no-show-raw-insn "$object" | grep -q 'vpdpbusd.*%zmm' || say "$isa lacks vpdpbusd" ;;
    amx) for instruction in ldtilecfg tilerelease tdpbssd tdpbf16ps; do
           objdump -d --no-show-raw-insn "$object" | grep -q "$instruction" || say "amx lacks $instruction"
         done ;;
    *bf16) objdump -d --no-show-raw-insn "$object" | grep -q 'vdpbf16ps.*%zmm' || say "$isa lacks vdpbf16ps" ;;
  esac
done
exit $fail
