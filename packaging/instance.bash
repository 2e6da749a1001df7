# Starts and ends one private instance of Cordon. Sourced by packaging/quickstart; needs root.
# An instance is a runtime directory (sockets) and a state directory (a copy of the programs, the config, logs, data);
# RUNTIME/quickstart.env says which belong together.

# A process is named by its pid and its start time, so that a reused pid is never taken for it (proc(5), stat, field 22).
start_time() { sed -n 's/^.*) //p' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }
is_alive() { [ -n "$1" ] && [ -n "$2" ] && [ "$(start_time "$1")" = "$2" ]; }

end_process() {  # PID START_TIME: SIGTERM, and SIGKILL for what does not heed it
  is_alive "$1" "$2" || return 0
  kill -TERM "$1" 2>/dev/null || return 0
  timeout 20 tail -f /dev/null --pid="$1" -s 0.05 && return 0
  echo "process $1 did not end on SIGTERM within 20 s: killed" >&2
  is_alive "$1" "$2" && kill -KILL "$1"
  timeout 5 tail -f /dev/null --pid="$1" -s 0.05 || true
  return 1
}

# Starts a program in its own session with a pipe as --ready-fd and waits until it says that it is ready, or ends.
start_and_wait() {  # LOG COMMAND… ; sets started_pid
  local log=$1 fifo=$state_dir/ready word
  shift
  mkfifo -m 600 "$fifo"
  setsid "$@" --ready-fd 9 9>"$fifo" >>"$log" 2>&1 </dev/null &
  started_pid=$!
  disown
  IFS= read -r -t 60 word <"$fifo" && word=ready || word=
  rm -f "$fifo"
  [ -n "$word" ] && return 0
  echo "it did not become ready: $*" >&2
  return 1
}

# Where systemd owns a pure v2 tree only a unit with Delegate=yes has a part of it to itself.
systemd_owns_cgroups() { [ -d /run/systemd/system ] && [ "$(stat -fc %T /sys/fs/cgroup)" = cgroup2fs ]; }

start_launcher() {
  local command=("$prefix/libexec/cordon/cordon-launcher" --private --runtime-dir "$runtime_dir" --state-dir "$state_dir/data"
    --config "$state_dir/cordon.json")
  if systemd_owns_cgroups; then
    unit=cordon-private-$(basename "$state_dir" | tr -c 'A-Za-z0-9\n' -)
    systemd-run --quiet --collect --unit="$unit" -p Type=notify -p Delegate=yes -p KillMode=mixed -p TasksMax=infinity \
      -p StandardOutput=append:"$state_dir/launcher.log" -p StandardError=append:"$state_dir/launcher.log" "${command[@]}"
    launcher_pid=$(systemctl show --property MainPID --value "$unit")
  else
    start_and_wait "$state_dir/launcher.log" "${command[@]}"
    launcher_pid=$started_pid
  fi
}

# The keeper of the evidence: of a user of its own, before cordond, which refuses jobs while it is away.
start_ledger() {
  start_and_wait "$state_dir/ledger.log" \
    setpriv --reuid "$LEDGER_UID" --regid "$LEDGER_GID" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs \
    "$prefix/libexec/cordon/cordon-ledger" --runtime-dir "$runtime_dir" --state-dir "$state_dir/data" --daemon-uid "$DAEMON_UID"
  ledger_pid=$started_pid
}

start_daemon() {
  # As its unit has it: when memory runs out the kernel should kill jobs, not who answers for them. /v1/info tells whether
  # this host lets us.
  start_and_wait "$state_dir/cordond.log" \
    sh -c 'echo -500 2>/dev/null >/proc/self/oom_score_adj; exec "$@"' sh \
    setpriv --reuid "$DAEMON_UID" --regid "$DAEMON_GID" --groups "$AGENT_GID,$OPERATOR_GID" \
    --inh-caps=-all --bounding-set=-all --no-new-privs \
    "$prefix/libexec/cordon/cordond" --runtime-dir "$runtime_dir" --state-dir "$state_dir/data" \
    --config "$state_dir/cordon.json" --agent-gid "$AGENT_GID" --operator-gid "$OPERATOR_GID"
  daemon_pid=$started_pid
}

# For jobs whose profile grants names or addresses; without it they are refused, and the others have no network anyway.
start_egress() {  # RESOLVER
  "$prefix/libexec/cordon/cordon-egress-wall" --config "$state_dir/cordon.json" --instance "$INSTANCE" --uid "$EGRESS_UID"
  start_and_wait "$state_dir/egress.log" "$prefix/libexec/cordon/cordon-egress" --socket "$runtime_dir/egress.sock" \
    --watcher-uid "$DAEMON_UID" --uid "$EGRESS_UID" --gid "$EGRESS_GID" --resolver "$1"
  egress_pid=$started_pid
}

remember() {
  cat >"$runtime_dir/quickstart.env" <<TEXT
state_dir='$state_dir'
launcher_pid='${launcher_pid:-}' launcher_start='$(start_time "${launcher_pid:-0}")'
ledger_pid='${ledger_pid:-}' ledger_start='$(start_time "${ledger_pid:-0}")'
daemon_pid='${daemon_pid:-}' daemon_start='$(start_time "${daemon_pid:-0}")'
egress_pid='${egress_pid:-}' egress_start='$(start_time "${egress_pid:-0}")'
unit='${unit:-}'
TEXT
}

start_instance() {  # RUNTIME_DIR BUILD_DIR [RESOLVER] ; sets state_dir, prefix, launcher_pid, ledger_pid, daemon_pid
  runtime_dir=$1
  if [ -e "$runtime_dir/quickstart.env" ]; then
    echo "an instance is in $runtime_dir already; end it with: packaging/quickstart --stop --runtime-dir $runtime_dir" >&2
    trap - EXIT  # it is not ours to end
    exit 1
  fi
  if [ -e "$runtime_dir" ] && [ -n "$(ls -A "$runtime_dir")" ]; then
    echo "$runtime_dir is not empty: name a directory that is, or that does not exist yet" >&2
    trap - EXIT
    exit 1
  fi
  state_dir=$(mktemp -d /var/tmp/cordon-state.XXXXXX)
  prefix=$state_dir/install
  mkdir -p "$runtime_dir"
  chmod 755 "$runtime_dir" "$state_dir"
  launcher_pid="" ledger_pid="" daemon_pid="" egress_pid="" unit=""
  remember
  # A copy outside of the sources: the daemon's user may not be able to look into root's home.
  cmake --install "$2" --prefix "$prefix" >"$state_dir/install.log"
  printf '{"profile_dirs": ["%s/share/cordon/profiles", "%s/profiles"]%s}\n' "$prefix" "$state_dir" \
    "${3:+, \"egress\": {\"resolvers\": [\"$3\"]\}}" >"$state_dir/cordon.json"
  start_launcher
  remember
  # shellcheck source=/dev/null
  . "$runtime_dir/instance.env"
  if [ -n "${3:-}" ]; then start_egress "$3"; remember; fi
  start_ledger
  remember
  start_daemon
  remember
}

show_logs() {
  local log
  for log in "${state_dir:-/nonexistent}"/{launcher,ledger,cordond,egress}.log; do
    [ -s "$log" ] && { echo "--- $log"; tail -n 20 "$log"; }
  done
  return 0
}

# What is left of an instance on this machine, a line each.
left_over() {  # INSTANCE FIRST_UID UID_COUNT STATE_DIR RUNTIME_DIR
  local status
  for status in /proc/[0-9]*/status; do
    awk -v first="$2" -v count="$3" '/^Name:/ {name = $2} /^Pid:/ {pid = $2}
      /^Uid:/ && $3 >= first && $3 < first + count {print "process " pid " (" name ")"}' "$status" 2>/dev/null || true
  done
  grep -E " ($4|$5)(/| )" /proc/self/mountinfo | sed 's/^/mount /' || true
  [ -z "$1" ] || find /sys/fs/cgroup -depth -type d -name "*cordon-$1*" -printf 'cgroup %p\n' 2>/dev/null || true
  find "$4" "$5" -maxdepth 0 -printf 'directory %p\n' 2>/dev/null || true
}

stop_instance() {  # RUNTIME_DIR
  local runtime=$1 INSTANCE='' FIRST_UID=0 UID_COUNT=0 clean=yes left
  local state_dir launcher_pid launcher_start ledger_pid='' ledger_start='' daemon_pid daemon_start egress_pid='' egress_start='' unit
  [ -e "$runtime/quickstart.env" ] || { echo "there is no instance of quickstart's in $runtime" >&2; return 1; }
  [ "$(stat -c %u "$runtime/quickstart.env")" = 0 ] || { echo "$runtime/quickstart.env is not root's: refused" >&2; return 1; }
  . "$runtime/quickstart.env"
  if [ -e "$runtime/instance.env" ]; then . "$runtime/instance.env"; fi

  end_process "$daemon_pid" "$daemon_start" || clean=no
  if [ -n "$egress_pid" ]; then
    end_process "$egress_pid" "$egress_start" || clean=no
    "$state_dir/install/libexec/cordon/cordon-egress-wall" --config "$state_dir/cordon.json" --instance "$INSTANCE" --uid "$FIRST_UID" \
      --remove || clean=no
  fi
  if [ -n "$unit" ]; then systemctl stop "$unit" || clean=no; fi
  end_process "$launcher_pid" "$launcher_start" || clean=no
  end_process "$ledger_pid" "$ledger_start" || clean=no
  case $state_dir in
    /var/tmp/cordon-state.*) rm -rf --one-file-system "$state_dir" ;;
  esac
  rm -f "$runtime"/{agent,operator,launcher,egress}.sock "$runtime"/{instance,quickstart,launcher}.env "$runtime/stop-all"
  rm -f "$runtime"/ledger/{cordond,launcher}.sock
  rmdir "$runtime/ledger" "$runtime/stage" 2>/dev/null || true  # the latter of a launcher that was killed
  rmdir "$runtime" || clean=no

  left=$(left_over "$INSTANCE" "$FIRST_UID" "$UID_COUNT" "$state_dir" "$runtime")
  if [ -n "$left" ] || [ $clean = no ]; then
    printf 'the instance is ended, but this is left:\n%s\n' "$left" >&2
    return 1
  fi
  echo "The instance is ended; no process, mount, cgroup or directory of it is left."
}
