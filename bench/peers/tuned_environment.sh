# Sets the array tuned_environment: what to put before the PyTorch twin on this machine. Sourced; see README.md for what
# each part was measured to be worth. A library that is not installed is left out, with a line on stderr.
#   THREADS  number of threads (default 2)
_threads=${THREADS:-2}
_preload=
for _library in libjemalloc.so.2; do
  _path=$(ldconfig -p | awk -v name="$_library" '$1 == name { print $NF; exit }')
  if [ -n "$_path" ]; then
    _preload=${_preload:+$_preload:}$_path
  else
    echo "$_library is not installed: the twin runs without it (Debian: libjemalloc2)" >&2
  fi
done
tuned_environment=(env "LD_PRELOAD=$_preload"
  MALLOC_CONF=thp:always,metadata_thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0
  "OMP_NUM_THREADS=$_threads" OMP_PROC_BIND=close OMP_PLACES=cores OMP_WAIT_POLICY=active)
