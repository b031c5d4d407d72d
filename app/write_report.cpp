#include "app/write_report.hpp"

#include "core/text.hpp"
#include "reports/charts.hpp"
#include "reports/formats.hpp"
#include "reports/svg.hpp"

namespace oldiron {

std::string write_report(const reports::Report& report, const std::string& dir) {
  for (const reports::ReportChart& chart : reports::report_charts())
    if (const Available<reports::Chart> drawn = chart.draw(report)) write_file(dir + "/" + std::string(chart.file_name), reports::svg(*drawn));
  std::string terminal;
  for (const reports::ReportFormat& format : reports::report_formats()) {
    const std::string text = format.write(report);
    write_file(dir + "/" + std::string(format.file_name), text);
    if (format.name == "terminal") terminal = text;
  }
  return terminal;
}

}  // namespace oldiron
