# bundle_embed(OUT_VAR SYMBOL FILE): compiles FILE into the program as `const char SYMBOL[]`, NUL-terminated.
# OUT_VAR receives the generated C file. Changing FILE rebuilds it.
function(bundle_embed out_var symbol file)
  set(c_file ${CMAKE_BINARY_DIR}/generated/${symbol}.c)
  add_custom_command(
    OUTPUT ${c_file}
    COMMAND ${CMAKE_COMMAND} -DSYMBOL=${symbol} -DINPUT=${file} -DOUTPUT=${c_file}
            -P ${CMAKE_SOURCE_DIR}/config/embed_file.cmake
    DEPENDS ${file} ${CMAKE_SOURCE_DIR}/config/embed_file.cmake
    VERBATIM)
  set(${out_var} ${c_file} PARENT_SCOPE)
endfunction()
