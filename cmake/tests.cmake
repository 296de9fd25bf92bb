# tests/unit/ROOM/test_*.c: a program each, linked with that room alone (the linker proves the
# graph). tests/contract/ROOM/test_*.c: the same suite run on every implementation of a seam.
# A test that needs an outside library names it in ep_test_pkg() below.
enable_testing()

add_library(ep_harness STATIC ${CMAKE_SOURCE_DIR}/tests/harness.c)
target_link_libraries(ep_harness PUBLIC ep_flags room_base)
target_include_directories(ep_harness PUBLIC ${CMAKE_SOURCE_DIR}/tests)

function(ep_tests kind room)
    file(GLOB tests CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/tests/${kind}/${room}/test_*.c)
    foreach(source IN LISTS tests)
        get_filename_component(stem ${source} NAME_WE)
        set(target ${kind}_${room}_${stem})
        add_executable(${target} ${source})
        target_link_libraries(${target} PRIVATE ep_harness room_${room})
        target_compile_definitions(${target} PRIVATE EP_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
        add_test(NAME ${kind}/${room}/${stem} COMMAND ${target})
        set_tests_properties(${kind}/${room}/${stem} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
    endforeach()
endfunction()

# ep_test_pkg(TARGET modules...): an outside library that only this test uses.
function(ep_test_pkg target)
    if(TARGET ${target})
        foreach(module IN LISTS ARGN)
            pkg_check_modules(PKG_${module} REQUIRED IMPORTED_TARGET ${module})
            target_link_libraries(${target} PRIVATE PkgConfig::PKG_${module})
        endforeach()
    endif()
endfunction()

get_property(rooms GLOBAL PROPERTY EP_ROOMS)
foreach(room IN LISTS rooms)
    ep_tests(unit ${room})
    ep_tests(contract ${room})
endforeach()

include(${CMAKE_SOURCE_DIR}/cmake/test_packages.cmake)

# fuzz/fuzz_*.c: with EP_FUZZ a libFuzzer program each; always a replay of its corpus as a test.
# The first line of a target names its room: /* room: wire */
file(GLOB fuzzers CONFIGURE_DEPENDS ${CMAKE_SOURCE_DIR}/fuzz/fuzz_*.c)
foreach(source IN LISTS fuzzers)
    get_filename_component(stem ${source} NAME_WE)
    file(STRINGS ${source} first LIMIT_COUNT 1)
    string(REGEX REPLACE ".*room: ([a-z]+).*" "\\1" room "${first}")
    if(NOT TARGET room_${room})
        message(FATAL_ERROR "${source}: first line must be /* room: NAME */ with a room that exists")
    endif()
    if(EP_FUZZ)
        add_executable(${stem} ${source})
        target_link_libraries(${stem} PRIVATE ep_flags room_${room})
        target_link_options(${stem} PRIVATE -fsanitize=fuzzer)
    else()
        add_executable(${stem} ${source} ${CMAKE_SOURCE_DIR}/fuzz/replay.c)
        target_link_libraries(${stem} PRIVATE ep_flags room_${room})
        add_test(NAME fuzz/${stem}
                 COMMAND ${stem} ${CMAKE_SOURCE_DIR}/fuzz/corpus/${stem})
        set_tests_properties(fuzz/${stem} PROPERTIES TIMEOUT 300)
    endif()
endforeach()
