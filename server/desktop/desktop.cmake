# The desktop's own search over D-Bus (sd-bus).
pkg_check_modules(SDBUS REQUIRED IMPORTED_TARGET libsystemd)
target_sources(cairn_server PRIVATE ${CMAKE_CURRENT_LIST_DIR}/desktop.c ${CMAKE_CURRENT_LIST_DIR}/opener.c)
target_link_libraries(cairn_server PUBLIC PkgConfig::SDBUS)
