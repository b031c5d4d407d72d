// Included into an ISA's region. Rows of floats in a packed group: 16 rows per k.
struct F32Weights {
  static constexpr TensorType kType = TensorType::f32;
  static constexpr int kBytes = 4;

  WORD static F32 at(const std::byte* p) { return load(reinterpret_cast<const float*>(p)); }
};

struct F16Weights {
  static constexpr TensorType kType = TensorType::f16;
  static constexpr int kBytes = 2;

  WORD static F32 at(const std::byte* p) { return load_f16(reinterpret_cast<const std::uint16_t*>(p)); }
};

struct Bf16Weights {
  static constexpr TensorType kType = TensorType::bf16;
  static constexpr int kBytes = 2;

  WORD static F32 at(const std::byte* p) { return load_bf16(reinterpret_cast<const std::uint16_t*>(p)); }
};
