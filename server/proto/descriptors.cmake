# Writes OUT, a C file with the table `proto_descriptors` of the descriptor sets in FILES (see
# server/grpc/reflection.c). Each set holds one file.
set(code "/* Made by server/proto/descriptors.cmake. */\n#include \"server/proto/descriptors.h\"\n\n")
set(table "")
set(n 0)
foreach(file ${FILES})
    file(READ ${file} hex HEX)
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    string(APPEND code "static const uint8_t set_${n}[] = {${hex}};\n")
    string(APPEND table "    {set_${n}, sizeof set_${n}},\n")
    math(EXPR n "${n} + 1")
endforeach()
string(APPEND code "\nconst proto_descriptor proto_descriptors[] = {\n${table}    {0, 0},\n};\n")
file(WRITE ${OUT} "${code}")
