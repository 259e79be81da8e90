# cairn_room(NAME [DEPS room...] [LIBS target...] [DIRS folder...])
#
# Makes the static library cairn_NAME from every .c (and .cpp) file directly in this folder and in
# DIRS below it. A file's suffix says for which row of kernels it is compiled:
#   *_avx2.c        AVX2 + FMA + F16C
#   *_avx512.c      AVX-512 F, BW, DQ, VL, VNNI
#   *_avx512pop.c   the same and AVX512_VPOPCNTDQ
#   *_avx512bf16.c  the same and AVX512_BF16
# Everything else is plain x86-64, so one program runs on every machine; base/cpu.c picks the row.
set(CAIRN_FLAGS_AVX2 -mavx2 -mfma -mf16c)
set(CAIRN_FLAGS_AVX512 -mavx2 -mfma -mf16c -mavx512f -mavx512bw -mavx512dq -mavx512vl
    -mavx512vnni -mprefer-vector-width=512)

add_library(cairn_options INTERFACE)
target_compile_definitions(cairn_options INTERFACE _GNU_SOURCE)
target_include_directories(cairn_options INTERFACE ${CMAKE_SOURCE_DIR} ${CMAKE_BINARY_DIR})
target_compile_options(cairn_options INTERFACE -Wall -Wextra -Wno-unused-parameter
    $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith>
    $<$<COMPILE_LANG_AND_ID:C,GNU>:-Wshadow=local>
    -fno-strict-aliasing -fstack-protector-strong -ffp-contract=off)
if(CAIRN_WERROR)
    target_compile_options(cairn_options INTERFACE -Werror)
endif()
if(CAIRN_SANITIZE)
    target_compile_options(cairn_options INTERFACE -fsanitize=${CAIRN_SANITIZE}
        -fno-omit-frame-pointer -fno-sanitize-recover=all)
    target_link_options(cairn_options INTERFACE -fsanitize=${CAIRN_SANITIZE})
    target_compile_definitions(cairn_options INTERFACE CAIRN_SANITIZED=1)
endif()
if(CAIRN_FUZZ AND CMAKE_C_COMPILER_ID MATCHES Clang) # or libFuzzer would see its target's branches alone
    target_compile_options(cairn_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(CAIRN_COVERAGE)
    target_compile_options(cairn_options INTERFACE --coverage)
    target_link_options(cairn_options INTERFACE --coverage)
endif()

function(cairn_kernel_flags)
    foreach(file ${ARGN})
        if(file MATCHES "_avx512bf16\\.c$")
            set_source_files_properties(${file} PROPERTIES
                COMPILE_OPTIONS "${CAIRN_FLAGS_AVX512};-mavx512bf16")
        elseif(file MATCHES "_avx512pop\\.c$")
            set_source_files_properties(${file} PROPERTIES
                COMPILE_OPTIONS "${CAIRN_FLAGS_AVX512};-mavx512vpopcntdq")
        elseif(file MATCHES "_avx512\\.c$")
            set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${CAIRN_FLAGS_AVX512}")
        elseif(file MATCHES "_avx2\\.c$")
            set_source_files_properties(${file} PROPERTIES COMPILE_OPTIONS "${CAIRN_FLAGS_AVX2}")
        endif()
    endforeach()
endfunction()

function(cairn_room name)
    cmake_parse_arguments(ROOM "" "" "DEPS;LIBS;DIRS" ${ARGN})
    file(GLOB sources CONFIGURE_DEPENDS *.c *.cpp)
    foreach(dir ${ROOM_DIRS})
        file(GLOB more CONFIGURE_DEPENDS ${dir}/*.c ${dir}/*.cpp)
        list(APPEND sources ${more})
    endforeach()
    if(NOT sources)
        return()
    endif()
    cairn_kernel_flags(${sources})
    add_library(cairn_${name} STATIC ${sources})
    target_link_libraries(cairn_${name} PUBLIC cairn_options Threads::Threads ${ROOM_LIBS})
    foreach(dep ${ROOM_DEPS})
        target_link_libraries(cairn_${name} PUBLIC cairn_${dep})
    endforeach()
endfunction()
