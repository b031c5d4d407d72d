# Tests of the code itself: who may include whom, and that every header compiles alone.
add_test(NAME layering COMMAND ${CMAKE_COMMAND} -DROOT=${PROJECT_SOURCE_DIR} -P ${CMAKE_CURRENT_LIST_DIR}/layering.cmake)

file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
  ${PROJECT_SOURCE_DIR}/core/*.hpp ${PROJECT_SOURCE_DIR}/kernels/*.hpp ${PROJECT_SOURCE_DIR}/probes/*.hpp
  ${PROJECT_SOURCE_DIR}/runner/*.hpp ${PROJECT_SOURCE_DIR}/tuner/*.hpp ${PROJECT_SOURCE_DIR}/reports/*.hpp
  ${PROJECT_SOURCE_DIR}/app/*.hpp)
set(alone_sources "")
foreach(header IN LISTS headers)
  # The file that includes it before all others has shown it already.
  string(REGEX REPLACE "hpp$" "cpp" own_source ${header})
  if(EXISTS ${PROJECT_SOURCE_DIR}/${own_source})
    file(STRINGS ${PROJECT_SOURCE_DIR}/${own_source} first_include REGEX "^#include" LIMIT_COUNT 1)
    if(first_include STREQUAL "#include \"${header}\"")
      continue()
    endif()
  endif()
  string(MAKE_C_IDENTIFIER ${header} id)
  set(source ${CMAKE_CURRENT_BINARY_DIR}/alone/${id}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n")
  list(APPEND alone_sources ${source})
endforeach()
add_library(headers_alone OBJECT EXCLUDE_FROM_ALL ${alone_sources})
target_compile_options(headers_alone PRIVATE -fsyntax-only -O0)
target_link_libraries(headers_alone PRIVATE oldiron_app oldiron_warnings)
add_test(NAME headers_compile_alone COMMAND ${CMAKE_COMMAND} --build ${CMAKE_BINARY_DIR} --target headers_alone)
set_tests_properties(layering headers_compile_alone PROPERTIES LABELS fast)
