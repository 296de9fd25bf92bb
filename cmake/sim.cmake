# ep-sim: the server in a simulated world (tests/sim). What the server asks of the system for its
# files is served by the simulated disk: the linker sends these calls there. Random numbers come from
# tests/sim/random.c, which is found before the one of the crypto room.
file(GLOB sim_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sim/*.c)
if(sim_sources AND TARGET room_app)
    add_executable(ep-sim ${sim_sources})
    pkg_check_modules(PKG_sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
    target_link_libraries(ep-sim PRIVATE ep_flags room_app PkgConfig::PKG_sqlite3)
    target_include_directories(ep-sim PRIVATE ${CMAKE_SOURCE_DIR}/tests/sim)
    foreach(call open close access flock fsync fdatasync ftruncate pread pwrite getrandom log_end)
        target_link_options(ep-sim PRIVATE LINKER:--wrap=${call})
    endforeach()
    set_target_properties(ep-sim PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endif()
