#!/usr/bin/env bash
# mpirun.sh RANKS PROGRAM [ARGUMENT ...]: starts PROGRAM on RANKS ranks of this machine, more than it has cores if need
# be, also as root (containers, CI). Works with Open MPI and MPICH.
set -eu
ranks=$1
shift
if mpiexec --version 2>/dev/null | grep -q "Open MPI\|OpenRTE"; then
  export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
  # Not bound: the program binds its own threads. Yielding, because ranks may outnumber cores.
  exec mpiexec --oversubscribe --bind-to none --mca mpi_yield_when_idle 1 --mca btl self,vader \
    --mca btl_vader_single_copy_mechanism none -n "$ranks" "$@"
fi
exec mpiexec -n "$ranks" "$@"
