# ep-sim: the server in a simulated world (tests/sim). What the server asks of the system for its
# files is served by the simulated disk: the linker sends these calls there. Random numbers come from
# tests/sim/random.c, which is found before the one of the crypto room. Not with optimization over
# files, which would not leave the calls to the linker.
set(sim_wrapped open close access flock fsync fdatasync syncfs ftruncate pread pwrite write mkdir rmdir rename
                unlink stat fstat getrandom log_end)
file(GLOB sim_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sim/*.c)
if(sim_sources AND TARGET room_app AND NOT CMAKE_INTERPROCEDURAL_OPTIMIZATION)
    add_executable(ep-sim ${sim_sources})
    pkg_check_modules(PKG_sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
    target_link_libraries(ep-sim PRIVATE ep_flags room_app PkgConfig::PKG_sqlite3)
    target_include_directories(ep-sim PRIVATE ${CMAKE_SOURCE_DIR}/tests/sim)
    foreach(call IN LISTS sim_wrapped)
        target_link_options(ep-sim PRIVATE LINKER:--wrap=${call})
    endforeach()
    set_target_properties(ep-sim PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})

    add_test(NAME sim/kept COMMAND ep-sim --file ${CMAKE_SOURCE_DIR}/tests/sim/seeds)
    add_test(NAME sim/fixed COMMAND ep-sim --seeds 1 100)
    add_test(NAME sim/fresh COMMAND ep-sim --fresh 10)
    add_test(NAME sim/faults COMMAND ep-sim --faults 5 14 --calls 12)
    add_test(NAME sim/same COMMAND ${CMAKE_SOURCE_DIR}/tests/sim/same $<TARGET_FILE:ep-sim>)
    set_tests_properties(sim/kept sim/fixed sim/fresh sim/faults sim/same PROPERTIES TIMEOUT 600)
endif()

# ep-instructions: calls of fixed input through the same world, whose instructions are counted
# (tests/instructions/run). Optimised as what is shipped, but for the linker's part.
if(sim_sources AND TARGET room_app AND NOT EP_SANITIZE)
    set(world_sources ${sim_sources})
    list(FILTER world_sources EXCLUDE REGEX "/sim/(main|run|client|upstream)\\.c$")
    add_executable(ep-instructions ${CMAKE_SOURCE_DIR}/tests/instructions/main.c ${world_sources})
    ep_links_plainly(ep-instructions)
    pkg_check_modules(PKG_sqlite3 REQUIRED IMPORTED_TARGET sqlite3)
    target_link_libraries(ep-instructions PRIVATE ep_flags room_app PkgConfig::PKG_sqlite3)
    target_include_directories(ep-instructions PRIVATE ${CMAKE_SOURCE_DIR}/tests/sim
                                                       ${CMAKE_SOURCE_DIR}/bench)
    foreach(call IN LISTS sim_wrapped)
        target_link_options(ep-instructions PRIVATE LINKER:--wrap=${call})
    endforeach()
    set_target_properties(ep-instructions PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
endif()

# ep-sim-dispatch: the dispatch under recorded traffic and failing upstreams, beside other policies.
file(GLOB sim_dispatch_sources CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/sim_dispatch/*.c)
if(sim_dispatch_sources AND TARGET room_gate)
    add_executable(ep-sim-dispatch ${sim_dispatch_sources})
    target_link_libraries(ep-sim-dispatch PRIVATE ep_flags room_gate) # its budget of hedges
    target_include_directories(ep-sim-dispatch PRIVATE ${CMAKE_SOURCE_DIR}/tests/sim_dispatch)
    set_target_properties(ep-sim-dispatch PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR})
    add_test(NAME sim/dispatch COMMAND ep-sim-dispatch --check)
    set_tests_properties(sim/dispatch PROPERTIES TIMEOUT 300)
endif()
