// The program's entry: picks the command, catches Error once, and turns results into exit codes.
#include <cstdio>

#include "app/version.hpp"

int main() {
  std::printf("oldiron %s\n", oldiron::version().c_str());
  return 0;
}
