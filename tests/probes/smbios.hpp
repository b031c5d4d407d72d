// A builder of SMBIOS tables: what a board's firmware says of its memory, in a few lines.
#pragma once

#include <string>
#include <vector>

namespace oldiron {

/// A memory device (type 17) of version 2.8, 40 bytes.
struct Dimm {
  std::string slot, bank = "";
  int mebibytes = 16384;
  int type = 0x1a;                  ///< DDR4; 0x18: DDR3, 0x22: DDR5
  int rated = 2400, configured = 0;  ///< mega-transfers per second
  int ranks = 2;
  std::string maker = "", part = "", serial = "";
};

inline Dimm empty_slot(const std::string& slot, const std::string& bank = "") {
  return {.slot = slot, .bank = bank, .mebibytes = 0, .type = 0x02, .rated = 0, .ranks = 0};
}

class SmbiosTable {
 public:
  SmbiosTable& add(const Dimm& dimm) {
    Bytes device(40, 0);
    std::vector<std::string> strings;
    const auto put = [&](std::size_t at, int value) {
      device[at] = static_cast<unsigned char>(value & 0xff);
      device[at + 1] = static_cast<unsigned char>(value >> 8 & 0xff);
    };
    const auto name = [&](std::size_t at, const std::string& text) {
      if (text.empty()) return;
      strings.push_back(text);
      device[at] = static_cast<unsigned char>(strings.size());
    };
    device[0] = 17;
    device[1] = 40;
    put(0x08, 72);
    put(0x0a, 64);
    put(0x0c, dimm.mebibytes < 0x7fff ? dimm.mebibytes : 0x7fff);
    put(0x1c, dimm.mebibytes);
    put(0x1e, dimm.mebibytes >> 16);
    device[0x12] = static_cast<unsigned char>(dimm.type);
    put(0x15, dimm.rated);
    put(0x20, dimm.configured);
    device[0x1b] = static_cast<unsigned char>(dimm.ranks);
    name(0x10, dimm.slot);
    name(0x11, dimm.bank);
    name(0x17, dimm.maker);
    name(0x18, dimm.serial);
    name(0x1a, dimm.part);
    return append(device, strings);
  }

  /// A structure of another type, with its strings.
  SmbiosTable& add_other(unsigned char type, std::vector<unsigned char> body, const std::vector<std::string>& strings = {}) {
    Bytes structure{type, static_cast<unsigned char>(4 + body.size()), 1, 0};
    structure.insert(structure.end(), body.begin(), body.end());
    return append(structure, strings);
  }

  SmbiosTable& end() { return add_other(127, {}); }

  const std::vector<unsigned char>& bytes() const { return bytes_; }

  std::string text() const { return {bytes_.begin(), bytes_.end()}; }

 private:
  using Bytes = std::vector<unsigned char>;

  SmbiosTable& append(const Bytes& structure, const std::vector<std::string>& strings) {
    bytes_.insert(bytes_.end(), structure.begin(), structure.end());
    for (const std::string& text : strings) {
      bytes_.insert(bytes_.end(), text.begin(), text.end());
      bytes_.push_back(0);
    }
    if (strings.empty()) bytes_.push_back(0);
    bytes_.push_back(0);
    return *this;
  }

  Bytes bytes_;
};

}  // namespace oldiron
