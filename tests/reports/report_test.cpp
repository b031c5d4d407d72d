#include "reports/report.hpp"

#include <gtest/gtest.h>

#include "core/accounting.hpp"
#include "tests/reports/sample.hpp"

namespace oldiron::reports::report_test {
namespace {

TEST(RoleBytes, RowsAddUpToTheFileAndToTheToken) {
  const ModelSpec model = sample_model();
  double disk = 0, token = 0;
  for (const RoleBytes& row : role_bytes(model, 0, 640, KvType::f16)) {
    disk += row.disk_bytes;
    token += row.token_bytes;
    EXPECT_GE(row.token_bytes, 0) << row.name;
  }
  EXPECT_DOUBLE_EQ(disk, static_cast<double>(model.bytes()));
  EXPECT_NEAR(token, bytes_per_token(model, 0, 640, KvType::f16).total(), 1);
}

TEST(Differences, NamesOnlyWhatDiffers) {
  EXPECT_EQ(differences(sample_config(8, 16, Switch::on), sample_config(8, 8, Switch::automatic)),
            "prefill_threads=16, repack=on");
  EXPECT_EQ(differences(Config{}, Config{}), "");
}

TEST(TypesText, MainTypeAndTheHeads) {
  EXPECT_EQ(types_text(sample_model()), "Q4_0, head Q6_K");
  EXPECT_EQ(types_text(ModelSpec{}), "no tensors");
}

TEST(CountByStatus, CountsAll) {
  const std::array<int, 5> counts = count_by_status(sample_report().trials);
  EXPECT_EQ(counts, (std::array<int, 5>{7, 1, 1, 0, 0}));
}

}  // namespace
}  // namespace oldiron::reports::report_test
