# The room graph: who may use whom. This is its only statement; the linker proves it (a room's unit
# tests link the room and what it may use, nothing else) and tools/check_layers compares it with
# every #include. A room is the folder of its name under src/.
#
#   ep_room(NAME USES rooms... [PKG pkg-config modules...] [LIB libraries without such a file...])

ep_room(base     USES)

ep_room(loop     USES base)
ep_room(crypto   USES base                                  PKG libcrypto)
ep_room(wire     USES base                                  PKG libfyaml LIB wslay)

ep_room(net      USES base loop crypto wire                 PKG libssl)
ep_room(conf     USES base wire)
ep_room(store    USES base loop                             PKG sqlite3)

ep_room(registry USES base wire crypto)
ep_room(meter    USES base wire registry                    PKG libutf8proc)
ep_room(dialect  USES base wire)
ep_room(dispatch USES base registry)
ep_room(ident    USES base crypto store)
ep_room(ledger   USES base store)
ep_room(tlog     USES base crypto wire store)

ep_room(batch    USES base crypto wire store)

ep_room(policy   USES base wire registry)

ep_room(sound    USES base                                  PKG opus LIB m)

ep_room(gate     USES base loop crypto wire net store registry policy meter dialect dispatch ident ledger tlog batch)

ep_room(front    USES base loop crypto wire net store registry meter dialect dispatch ident ledger
                      tlog batch sound gate)

ep_room(settle   USES base crypto wire store registry policy meter ledger tlog PKG zlib)

ep_room(app      USES base loop crypto wire net conf store registry policy meter dialect dispatch ident
                      ledger tlog batch gate front settle)
