# kumiko_room(NAME SOURCES a.cpp ... ROOMS lower ... LIBRARIES lib ...)
#
# A room is one folder under src/kumiko, built as one static library. ROOMS may name only rooms on lower floors
# (docs/architecture.md); a file that includes a header of a room that is not listed here does not link.
function(kumiko_room NAME)
  cmake_parse_arguments(ROOM "" "" "SOURCES;ROOMS;LIBRARIES" ${ARGN})
  add_library(kumiko_${NAME} STATIC ${ROOM_SOURCES})
  target_link_libraries(kumiko_${NAME} PUBLIC kumiko_flags)
  foreach(lower IN LISTS ROOM_ROOMS)
    target_link_libraries(kumiko_${NAME} PUBLIC kumiko_${lower})
  endforeach()
  target_link_libraries(kumiko_${NAME} PRIVATE ${ROOM_LIBRARIES})
endfunction()
