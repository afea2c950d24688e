# kumiko_room(NAME SOURCES a.cpp ... [COLD b.cpp ...] ROOMS lower ... LIBRARIES lib ...)
#
# A room is one folder under src/kumiko, built as one static library. ROOMS may name only rooms on lower floors
# (docs/architecture.md); a file that includes a header of a room that is not listed here does not link. COLD sources are
# those whose speed nobody waits for (files of JSON, options): they are compiled with less optimisation.
function(kumiko_room NAME)
  cmake_parse_arguments(ROOM "" "" "SOURCES;COLD;ROOMS;LIBRARIES" ${ARGN})
  add_library(kumiko_${NAME} STATIC ${ROOM_SOURCES})
  target_link_libraries(kumiko_${NAME} PUBLIC kumiko_flags)
  foreach(lower IN LISTS ROOM_ROOMS)
    target_link_libraries(kumiko_${NAME} PUBLIC kumiko_${lower})
  endforeach()
  target_link_libraries(kumiko_${NAME} PRIVATE ${ROOM_LIBRARIES})
  if(ROOM_COLD)
    # A target of its own, since a source with options of its own takes no part in a unity build.
    add_library(kumiko_${NAME}_cold OBJECT ${ROOM_COLD})
    list(TRANSFORM ROOM_ROOMS PREPEND kumiko_)
    target_link_libraries(kumiko_${NAME}_cold PRIVATE kumiko_flags ${ROOM_ROOMS} ${ROOM_LIBRARIES})
    target_compile_options(kumiko_${NAME}_cold PRIVATE ${KUMIKO_COLD})
    target_sources(kumiko_${NAME} PRIVATE $<TARGET_OBJECTS:kumiko_${NAME}_cold>)
  endif()
endfunction()
