#!/usr/bin/env bash
# mpirun.sh RANKS PROGRAM [ARGUMENT ...]: starts PROGRAM on RANKS ranks of this machine alone: more ranks than cores if
# need be, as root too (containers, CI), and with neither ssh nor a network. Works with Open MPI 4 and with MPICH.
# MPIEXEC names another mpiexec than the one on the PATH. Installed, it is called kumiko-mpirun.
set -eu
if [ $# -lt 2 ]; then
  echo "usage: $(basename "$0") RANKS PROGRAM [ARGUMENT ...]" >&2
  exit 2
fi
ranks=$1
shift
mpiexec=${MPIEXEC:-mpiexec}
if ! version=$("$mpiexec" --version 2>&1); then
  echo "$(basename "$0"): cannot run $mpiexec; install openmpi-bin (or mpich), or set MPIEXEC" >&2
  exit 3
fi

# Runs its arguments. A launcher that is told to stop gives its ranks a second before it kills them, too little for a
# checkpoint: so the first SIGINT or SIGTERM becomes SIGUSR1, which launchers hand on and Kumiko takes as "save and
# stop"; a second one reaches the launcher as it is. SIGHUP, SIGUSR1, SIGUSR2 and SIGXCPU always become it. Where
# setpriv (util-linux) is at hand, the launcher gets it too if this script is killed: the job does not outlive it.
bound=
if setpriv --pdeathsig USR1 true 2>/dev/null; then bound="setpriv --pdeathsig USR1"; fi
launch() {
  # In a terminal, out of the foreground process group, which Ctrl-C goes to.
  if [ -t 0 ]; then set -m; fi
  $bound "$@" <&0 &
  job=$!
  trap 'kill -USR1 $job; trap "kill -TERM $job" INT TERM' INT TERM
  trap 'kill -USR1 $job' HUP USR1 USR2 XCPU
  until wait "$job"; do
    kill -0 "$job" 2>/dev/null || break
  done
  wait "$job" && exit 0 || exit $?
}

case $version in
  *"Open MPI"* | *OpenRTE*)
    export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
    # plm isolated: no ssh. Not bound: the program binds its own threads. Yielding, because ranks may outnumber cores.
    # Only shared memory, copied by the ranks themselves: a container may forbid one process to read another's.
    launch "$mpiexec" --oversubscribe --bind-to none --mca plm isolated --mca mpi_yield_when_idle 1 \
      --mca btl self,vader --mca btl_vader_single_copy_mechanism none -n "$ranks" "$@"
    ;;
  *)
    # When a rank dies the others say which, and end by themselves: Hydra's own clean-up would be faster, and silent.
    launch "$mpiexec" -launcher fork -disable-auto-cleanup -n "$ranks" "$@"
    ;;
esac
