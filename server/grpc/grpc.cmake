# The gRPC side of the server, included by server/CMakeLists.txt.
#
# libgrpc brings fifty shared libraries, whose loading costs every start of the program about 6 ms of CPU
# time. So the adapter is a module that `cairn serve` opens when it is asked for (load.c); the service and
# the engine it calls are those of the program. Tests and benchmarks link cairn_grpc itself.
find_library(CAIRN_GRPC_LIBRARY grpc REQUIRED)
find_library(CAIRN_GPR_LIBRARY gpr REQUIRED)
add_subdirectory(${CMAKE_CURRENT_SOURCE_DIR}/proto)

file(GLOB grpc_sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/grpc/*.c)
list(REMOVE_ITEM grpc_sources ${CMAKE_CURRENT_SOURCE_DIR}/grpc/load.c
    ${CMAKE_CURRENT_SOURCE_DIR}/grpc/module.c)
add_library(cairn_grpc STATIC ${grpc_sources})
target_link_libraries(cairn_grpc PUBLIC cairn_options cairn_proto ${CAIRN_GRPC_LIBRARY}
    ${CAIRN_GPR_LIBRARY} Threads::Threads)

add_library(cairn-grpc MODULE ${CMAKE_CURRENT_SOURCE_DIR}/grpc/module.c)
set_target_properties(cairn-grpc PROPERTIES PREFIX "")
target_link_libraries(cairn-grpc PRIVATE cairn_grpc)

target_sources(cairn_server PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/grpc/load.c)
target_compile_definitions(cairn_server PRIVATE CAIRN_SERVER_GRPC)
add_dependencies(cairn_server cairn-grpc)
install(TARGETS cairn-grpc LIBRARY DESTINATION lib/cairn)
