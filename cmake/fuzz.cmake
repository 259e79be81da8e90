# cairn_fuzz(LIBRARY... TARGETS name...)
#
# The fuzz targets tests/fuzz/fuzz_NAME.c, linked with the libraries; only on demand: cmake -DCAIRN_FUZZ=ON
# -DCMAKE_C_COMPILER=clang makes them programs of libFuzzer. With another compiler each becomes a program that
# replays and changes files (tests/fuzz/fuzz_run.h). tests/fuzz/corpus has beginnings.
function(cairn_fuzz)
    cmake_parse_arguments(FUZZ "" "" "TARGETS" ${ARGN})
    if(NOT CAIRN_FUZZ)
        return()
    endif()
    foreach(name ${FUZZ_TARGETS})
        add_executable(fuzz_${name} ${CMAKE_SOURCE_DIR}/tests/fuzz/fuzz_${name}.c)
        target_link_libraries(fuzz_${name} PRIVATE ${FUZZ_UNPARSED_ARGUMENTS})
        if(CMAKE_C_COMPILER_ID MATCHES Clang)
            target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
            target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
        else()
            target_compile_definitions(fuzz_${name} PRIVATE CAIRN_FUZZ_REPLAY)
        endif()
    endforeach()
endfunction()
