# Outside libraries that single tests compare ours with: ep_test_pkg(TARGET modules...).
ep_test_pkg(unit_wire_test_json_other jansson)
ep_test_pkg(unit_store_test_store_faults sqlite3)
ep_test_pkg(unit_store_test_schema sqlite3)
ep_test_pkg(unit_store_test_gather sqlite3)
if(TARGET unit_wire_test_http1_other) # it has no pkg-config file
    target_link_libraries(unit_wire_test_http1_other PRIVATE http_parser)
endif()
ep_test_pkg(unit_net_test_tls libssl libcrypto)
ep_test_pkg(unit_policy_test_mmdb libmaxminddb)
# Vocabularies made on the spot.
foreach(target unit_meter_test_bpe unit_meter_test_bpe_merge unit_meter_test_bpe_run
               unit_meter_test_vocab unit_meter_test_vocab_check unit_meter_test_chat_count
               unit_meter_test_text_count
               unit_meter_test_shelf unit_meter_test_tally unit_mkvocab_test_build
               unit_mkvocab_test_build_bytes)
    ep_test_link(${target} ep_vocab_sample)
endforeach()
foreach(target unit_meter_test_split unit_meter_test_split_cased unit_meter_test_split_deepseek
               unit_meter_test_split_plain unit_meter_test_split_spaces unit_meter_test_nfc
               unit_meter_test_special)
    ep_test_link(${target} ep_classes)
endforeach()
foreach(target unit_meter_test_count unit_meter_test_count_stream unit_meter_test_count_shape
               unit_meter_test_count_json)
    ep_test_link(${target} ep_plain_count)
endforeach()
ep_test_pkg(unit_meter_test_nfc libutf8proc)
foreach(target unit_policy_test_detect unit_policy_test_detect_json unit_policy_test_detect_near
               unit_policy_test_detect_number unit_policy_test_detect_plain
               unit_policy_test_detect_rules unit_policy_test_detect_scan
               unit_policy_test_detect_words)
    ep_test_link(${target} ep_detect_sample)
endforeach()
# Answers that any dialect could have given.
foreach(target unit_dialect_test_laws unit_dialect_test_decode unit_dialect_test_encode
               unit_dialect_test_loop)
    ep_test_link(${target} ep_dialect_sample)
endforeach()
