# Sets the array tuned_environment: what to put before the PyTorch twin to have it at its best. Sourced; README.md says
# what each part was measured to be worth. A library that is not installed is left out, with a line on stderr.
#   THREADS  number of threads (default 2)

# Huge pages for everything, nothing given back to the kernel between steps, no special arena for large blocks (which
# is given back at once).
tuned_malloc_conf=MALLOC_CONF=thp:always,metadata_thp:always,dirty_decay_ms:-1,muzzy_decay_ms:-1,oversize_threshold:0
tuned_environment=(env "OMP_NUM_THREADS=${THREADS:-2}" OMP_PROC_BIND=close OMP_PLACES=cores)

_jemalloc=$(ldconfig -p | awk '$1 == "libjemalloc.so.2" { print $NF; exit }')
if [ -n "$_jemalloc" ]; then
  tuned_environment+=("LD_PRELOAD=$_jemalloc" "$tuned_malloc_conf")
else
  echo "libjemalloc.so.2 is not installed: the twin runs without it (Debian: libjemalloc2)" >&2
fi
