# Outside libraries that single tests compare ours with: ep_test_pkg(TARGET modules...).
ep_test_pkg(unit_wire_test_json_other jansson)
ep_test_pkg(unit_store_test_store_faults sqlite3)
if(TARGET unit_wire_test_http1_other) # it has no pkg-config file
    target_link_libraries(unit_wire_test_http1_other PRIVATE http_parser)
endif()
ep_test_pkg(unit_net_test_tls libssl libcrypto)
