# The benchmark's own programs: an upstream and a load generator that cost as little as they can.
foreach(program mock load)
    if(EXISTS ${CMAKE_SOURCE_DIR}/bench/${program}.c)
        add_executable(ep-bench-${program} ${CMAKE_SOURCE_DIR}/bench/${program}.c)
        target_link_libraries(ep-bench-${program} PRIVATE ep_flags room_base)
    endif()
endforeach()
