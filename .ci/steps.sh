# For .ci/run and .ci/nightly: steps with their times.
set -eu
cd "$(dirname "$0")/.."
# The summary names a failure too, and whatever else was done.
steps=() begun=0 step_name=""
finish_step() {
  [ -z "$step_name" ] || steps+=("$(printf '%6d s  %s' $((SECONDS - begun)) "$step_name")")
  step_name=""
}
step() {
  finish_step
  step_name=$* begun=$SECONDS
  printf '\n==== %s (at %d s)\n' "$*" $SECONDS
}
summary() {
  local status=$?
  [ $status = 0 ] || step_name="$step_name: FAILED"
  finish_step
  printf '\n==== times\n'
  printf '%s\n' "${steps[@]}" "$(printf '%6d s  in all' $SECONDS)"
  [ $status = 0 ] && echo "==== all passed" || echo "==== failed"
  exit $status
}
trap summary EXIT
# Which of N things this day's turn is: 0 .. N - 1.
turn_of() { echo $(($(date +%-j) % $1)); }
