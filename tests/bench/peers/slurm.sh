#!/bin/sh
# Aquarium beside Slurm: jobs that do nothing, on 100 nodes on this machine, each node with a daemon of its own (slurmd -N,
# aq-agent) and eight places. Both run `true` as a real process of its own session; both are asked by their own
# commands, eight at a time, and then for many jobs at once: Slurm by a job array, Aquarium by aq's --count.
#
# A job is complete for Slurm when it has left the queue, completing included, and for Aquarium in DEALLOCATED, which its
# node has reported and the log has made durable. Slurm has no accounting, no Prolog, no cgroups, no MPI, and the settings
# that its guide to high throughput names. A last pair is Aquarium's driver test, which starts no process: what the
# daemons alone would allow.

# lib.sh finds the tree from the name that the script has, which must be two folders deep.
case $0 in
*/peers/*) exec sh -c '. "$1"' "${0%/peers/*}/slurm.sh" "$0" ;;
esac
. "$(dirname "$0")/../e2e/lib.sh"
. tests/bench/peers/figures.sh

nodes=100
places=8
rounds=${PEERS_ROUNDS:-3}
single_jobs=160
array_jobs=300
at_once=8
patience=60 # seconds, for what is bounded by the number of jobs to about 10
slurm=$work/slurm
export SLURM_CONF="$slurm/slurm.conf"
first_port=$((20000 + $$ % 100 * 120))

# All are told to end at once, or it takes a second for each of 200 daemons; lib.sh waits for them, and removes all.
stop_all() {
    rm -f "$work"/slurmd-*.log # the same words a hundred times
    local pidfile
    trap '' INT TERM HUP
    running slurmctld && timeout 10 scancel -u root >/dev/null 2>&1
    for pidfile in "$work"/slurmd-*.pid "$work/slurmctld.pid" "$work/munged.pid"; do
        [ -f "$pidfile" ] && process_signal "$pidfile" TERM
    done
    for pidfile in $agents; do
        process_signal "$work/$pidfile.pid" TERM
    done
}
trap 'status=$?; stop_all; (exit $status); e2e_cleanup' EXIT

# ---- Slurm ------------------------------------------------------------------------------------------------

slurm_configure() {
    local host
    host=$(hostname -s)
    mkdir -p "$slurm/state" "$slurm/munge" "$slurm/spool"
    chmod 711 "$work" "$slurm" "$slurm/munge"
    head -c 1024 /dev/urandom >"$slurm/munge.key"
    chmod 400 "$slurm/munge.key"
    cat >"$SLURM_CONF" <<END
ClusterName=peers
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$first_port
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket=$slurm/munge/socket
CredType=cred/munge
StateSaveLocation=$slurm/state
SlurmdSpoolDir=$slurm/spool/%n
SlurmctldPidFile=$slurm/slurmctld.number
SlurmdPidFile=$slurm/spool/%n.number
SlurmctldLogFile=$slurm/slurmctld.txt
SlurmdLogFile=$slurm/spool/%n.txt
MailProg=/bin/true
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SlurmdParameters=config_overrides
SlurmctldDebug=error
SlurmdDebug=error
MaxJobCount=100000
MaxArraySize=10001
MinJobAge=2
SchedulerType=sched/backfill
SchedulerParameters=defer,batch_sched_delay=1,sched_min_interval=50000,default_queue_depth=2000,max_rpc_cnt=150
NodeName=n[1-$nodes] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((first_port + 1))-$((first_port + nodes))] CPUs=$places RealMemory=1000
PartitionName=p Nodes=n[1-$nodes] Default=YES MaxTime=INFINITE State=UP
END
    printf '#!/bin/sh\ntrue\n' >"$slurm/job"
}

slurm_start() {
    local node=1
    slurm_configure
    start munged munged --foreground --force --socket="$slurm/munge/socket" --key-file="$slurm/munge.key" \
        --pid-file="$slurm/munge.number" --log-file="$slurm/munge.txt" --seed-file="$slurm/munge.seed"
    wait_for 10 test -S "$slurm/munge/socket" || die "munged does not get ready"
    start slurmctld slurmctld -D -c
    while [ "$node" -le "$nodes" ]; do
        mkdir -p "$slurm/spool/n$node"
        start "slurmd-$node" slurmd -D -N "n$node"
        node=$((node + 1))
    done
    wait_for 60 slurm_is_ready || die "Slurm's nodes do not join: $(tail -n 5 "$slurm/slurmctld.txt")"
}

slurm_is_ready() {
    [ "$(timeout 5 sinfo -h -t idle -o %D)" = "$nodes" ]
}

slurm_is_empty() {
    local left
    left=$(timeout 10 squeue -h -r -o %i -t PENDING,CONFIGURING,RUNNING,COMPLETING,SUSPENDED) && [ -z "$left" ]
}

# ---- Aquarium ---------------------------------------------------------------------------------------------

aquarium_start() {
    local node=1
    controller_start --set journal=warn --set hub.lost_after=60
    while [ "$node" -le "$nodes" ]; do
        agent_start "$(agent_name "$node")" --set journal=warn --set capacity.slots="$places"
        node=$((node + 1))
    done
    wait_for 60 nodes_are_active "$nodes" || die "the agents do not join"
    label_create process process '{"command": ["/bin/true"]}' '{"slots": 1}'
    label_create test test '{"run_ms": 1}' '{"slots": 1}'
    export AQ_SERVER="http://127.0.0.1:$api_port" AQ_USER=admin
    AQ_TOKEN=$(cat "$data/admin.token")
    export AQ_TOKEN
    for label in process test; do
        application=$(application_create "$label")
        wait_for 10 application_is DEALLOCATED "$application" || die "a first application does not end"
    done
}

last_application() {
    api_field '.data[0].id' 'application/?reverse=true&limit=1'
}

# Are all COUNT behind that one complete?
aquarium_is_done() { # AFTER COUNT
    local done_count
    done_count=$(api GET "application/?after=$1&limit=1000&status=DEALLOCATED" | grep -o '"status":"DEALLOCATED"' | wc -l)
    [ "$done_count" = "$2" ]
}

# ---- measuring --------------------------------------------------------------------------------------------

# wait_done COMMAND...: asks seldom, for who asks takes part of the two cores; the same for both.
wait_done() {
    local tries=$((patience * 5))
    while [ "$tries" -gt 0 ]; do
        "$@" && return 0
        sleep 0.2
        tries=$((tries - 1))
    done
    return 1
}

# Each submission is a command of its own, eight at a time: that many a second, and done a second.
slurm_singles() {
    local begun submitted
    begun=$(now)
    seq "$single_jobs" | timeout "$patience" xargs -P "$at_once" -I '{}' sbatch -Q -o /dev/null "$slurm/job" >/dev/null ||
        die "sbatch failed"
    submitted=$(now)
    wait_done slurm_is_empty || die "Slurm's jobs do not end"
    note_figure single-submitted theirs "$single_jobs" "$begun" "$submitted"
    note_figure single-completed theirs "$single_jobs" "$begun" "$(now)"
}

aquarium_singles() {
    local begun submitted after
    after=$(last_application)
    begun=$(now)
    seq "$single_jobs" | timeout "$patience" xargs -P "$at_once" -I '{}' "$BUILD/aq" -q applications create label=process >/dev/null ||
        die "aq failed"
    submitted=$(now)
    wait_done aquarium_is_done "$after" "$single_jobs" || die "applications do not end"
    note_figure single-submitted ours "$single_jobs" "$begun" "$submitted"
    note_figure single-completed ours "$single_jobs" "$begun" "$(now)"
}

slurm_array() {
    local begun submitted
    begun=$(now)
    timeout "$patience" sbatch -Q -o /dev/null --array="1-$array_jobs" "$slurm/job" >/dev/null || die "sbatch failed"
    submitted=$(now)
    wait_done slurm_is_empty || die "Slurm's array does not end"
    note_figure array-submitted theirs "$array_jobs" "$begun" "$submitted"
    note_figure array-completed theirs "$array_jobs" "$begun" "$(now)"
}

aquarium_array() { # LABEL PREFIX
    local begun submitted after
    after=$(last_application)
    begun=$(now)
    timeout "$patience" "$BUILD/aq" -q applications create label="$1" --count "$array_jobs" >/dev/null || die "aq failed"
    submitted=$(now)
    wait_done aquarium_is_done "$after" "$array_jobs" || die "the batch does not end"
    note_figure "$2-submitted" ours "$array_jobs" "$begun" "$submitted"
    note_figure "$2-completed" ours "$array_jobs" "$begun" "$(now)"
}

# ---- all of it --------------------------------------------------------------------------------------------

slurm_start
aquarium_start
round=1
while [ "$round" -le "$rounds" ]; do
    slurm_singles
    sleep 1 # what ended is still cleaned up
    aquarium_singles
    sleep 1
    slurm_array
    sleep 1
    aquarium_array process array
    aquarium_array test idle
    sleep 1
    round=$((round + 1))
done
result "no-op jobs, a command for each, 8 at once: submissions" single-submitted single-submitted
result "the same: completions" single-completed single-completed
result "no-op jobs, $array_jobs by one command: submissions" array-submitted array-submitted
result "the same: completions" array-completed array-completed
result "the same, but driver test, which starts no process: completions" idle-completed array-completed
finish
