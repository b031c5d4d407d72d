# Tests of the kernels that are no gtest on this CPU: what the ISA objects export, and the same tests on emulated old CPUs.
if(NOT TARGET kernels_tests)
  return()
endif()

file(GLOB isa_files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/kernels/isa/*.cpp)
set(isa_objects "")
foreach(file IN LISTS isa_files)
  get_filename_component(isa ${file} NAME)
  list(APPEND isa_objects ${PROJECT_BINARY_DIR}/CMakeFiles/oldiron_kernels.dir/kernels/isa/${isa}.o)
endforeach()
add_test(NAME isa_leak COMMAND ${CMAKE_CURRENT_LIST_DIR}/isa_leak.sh ${isa_objects})
set_tests_properties(isa_leak PROPERTIES LABELS fast)

# A sanitizer's shadow memory does not fit an emulated address space.
find_program(QEMU_X86_64 qemu-x86_64)
if(QEMU_X86_64 AND NOT CMAKE_CXX_FLAGS MATCHES "fsanitize")
  function(oldiron_emulated_test cpu features isas)
    add_test(NAME kernels_on_${cpu} COMMAND ${QEMU_X86_64} -cpu ${cpu}${features} $<TARGET_FILE:kernels_tests>
      --gtest_filter=*IsaTest*:*RegistryTest*:*ProductTest*:*ElementwiseTest*:*AttentionTest* --gtest_brief=1)
    set_tests_properties(kernels_on_${cpu} PROPERTIES LABELS kernels TIMEOUT 600
      ENVIRONMENT "OLDIRON_TEST_SIZE=small;OLDIRON_EXPECTED_ISAS=${isas}")
  endfunction()
  # Features that QEMU's translator warns it does not have are taken out.
  oldiron_emulated_test(Nehalem ",-x2apic,-tsc-deadline" "scalar")
  oldiron_emulated_test(Haswell ",-x2apic,-tsc-deadline,-pcid,-hle,-rtm,-invpcid" "scalar avx2")
endif()
