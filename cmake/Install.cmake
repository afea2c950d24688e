# What `cmake --install` lays down: the program, the launcher's wrapper, examples, documentation and licence. Libraries
# are linked from where they were found.
set_target_properties(kumiko PROPERTIES INSTALL_RPATH_USE_LINK_PATH ON)
install(TARGETS kumiko RUNTIME)
install(PROGRAMS scripts/mpirun.sh DESTINATION ${CMAKE_INSTALL_BINDIR} RENAME kumiko-mpirun)
install(DIRECTORY examples DESTINATION ${CMAKE_INSTALL_DATADIR}/kumiko FILES_MATCHING PATTERN *.toml)
install(FILES LICENSE README.md CHANGELOG.md DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR})
