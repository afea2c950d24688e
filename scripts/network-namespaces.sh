#!/usr/bin/env bash
# network-namespaces.sh RANKS RATE PROGRAM [ARGUMENT ...]: starts PROGRAM on RANKS ranks of this machine, each in a network
# namespace of its own, so that they can talk over TCP only and through a link of a known rate: a small cluster whose
# network is real. RATE as tc writes it: 1gbit, 10gbit; "none" does not shape.
#
#   sudo scripts/network-namespaces.sh 2 1gbit build/kumiko bench comm
#
# The namespaces hang on one bridge, each by a pair of virtual interfaces, whose two ends tc's token bucket (tbf) holds to
# RATE: a full-duplex link from each rank to a switch that is never the bottleneck. Needs Linux, root (or CAP_NET_ADMIN
# and CAP_SYS_ADMIN), iproute2 and Open MPI; leaves nothing behind. The rate is that of packets: TCP and Ethernet
# headers take 3 to 5 % of it, and above some Gb/s a core may not be fast enough to fill it.
set -eu
if [ $# -lt 3 ]; then
  sed -n '2,4s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
ranks=$1
rate=$2
shift 2
mpiexec=${MPIEXEC:-mpiexec}
for tool in ip tc "$mpiexec"; do
  if ! command -v "$tool" >/dev/null; then
    echo "network-namespaces.sh: no $tool; scripts/install-packages.sh namespaces gets it" >&2
    exit 3
  fi
done
case $("$mpiexec" --version 2>&1) in
  *"Open MPI"* | *OpenRTE*) ;;
  *)
    echo "network-namespaces.sh: $mpiexec is not Open MPI's, whose ranks can be told which interface to use" >&2
    exit 3
    ;;
esac
if [ "$ranks" -gt 250 ]; then
  echo "network-namespaces.sh: $ranks ranks, but the bridge has addresses for 250" >&2
  exit 2
fi

# Of this run, so that several do not meet.
id=$$
namespace=kumiko-$id-
bridge=kumiko-$id
subnet=10.231.$((id % 250))

clean_up() {
  for rank in $(seq 0 $((ranks - 1))); do ip netns delete "$namespace$rank" 2>/dev/null || true; done
  ip link delete "$bridge" 2>/dev/null || true
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# tbf INTERFACE [IN_NAMESPACE ...]: the bucket holds 4 ms of the rate, and at least two of the largest packets that the
# kernel hands over in one piece; the queue before it 20 ms.
shape() {
  interface=$1
  shift
  [ "$rate" = none ] && return
  "$@" tc qdisc add dev "$interface" root tbf rate "$rate" burst "$burst" latency 20ms
}

number=${rate%%[a-z]*}
case $rate in
  *gbit) burst=$((number * 500000)) ;;
  *mbit) burst=$((number * 500)) ;;
  none) burst=0 ;;
  *)
    echo "network-namespaces.sh: rate $rate; expected whole gbit or mbit, as 10gbit, or none" >&2
    exit 2
    ;;
esac
[ "$burst" -lt 131072 ] && burst=131072

ip link add "$bridge" type bridge
ip address add "$subnet.254/24" dev "$bridge"
ip link set "$bridge" up
for rank in $(seq 0 $((ranks - 1))); do
  inside=k${id}i$rank
  outside=k${id}o$rank
  ip netns add "$namespace$rank"
  ip link add "$outside" type veth peer name "$inside" netns "$namespace$rank"
  ip link set "$outside" master "$bridge" up
  ip -n "$namespace$rank" address add "$subnet.$((rank + 1))/24" dev "$inside"
  ip -n "$namespace$rank" link set "$inside" up
  ip -n "$namespace$rank" link set lo up
  shape "$outside"
  shape "$inside" ip netns exec "$namespace$rank"
done

# The launcher listens on the bridge, where every namespace reaches it; ranks speak TCP on their one interface.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export PMIX_MCA_ptl_base_if_include=$bridge
"$mpiexec" --oversubscribe --bind-to none --mca plm isolated --mca mpi_yield_when_idle 1 \
  --mca pml ob1 --mca btl self,tcp --mca btl_tcp_if_include "$subnet.0/24" --mca oob_tcp_if_include "$bridge" \
  -n "$ranks" bash -c 'exec ip netns exec "$0$OMPI_COMM_WORLD_RANK" "$@"' "$namespace" "$@"
