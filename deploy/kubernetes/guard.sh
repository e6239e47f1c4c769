#!/bin/sh
# Guarded garbage collection in a window in which the registry is read-only. Whatever happens in between, the window is
# closed again at the end. Ends with the status of regfsck.
#
#   DEPLOYMENT  what runs the registry, such as deployment/registry
#   CONFIG      the registry's configuration, as this container sees it
#   URL         where the daemon answers
set -eu

read_only='{"enabled":true}'
window() {
    kubectl set env "$DEPLOYMENT" "$@"
    kubectl rollout status "$DEPLOYMENT" --timeout=5m
}

status=0
trap 'window REGISTRY_STORAGE_MAINTENANCE_READONLY-' EXIT
trap 'exit 130' INT TERM
window "REGISTRY_STORAGE_MAINTENANCE_READONLY=$read_only"

# What closes the window starts the daemon anew, which then remembers nothing that is not so: it is the restart of this guard.
open="kubectl set env $DEPLOYMENT REGISTRY_STORAGE_MAINTENANCE_READONLY- && kubectl rollout status $DEPLOYMENT --timeout=5m"
# shellcheck disable=SC2086 # a list of options
regfsck guard --config "$CONFIG" --registry "$URL" --plain-http --drain 0 --restart "exec:$open" \
    -- registry garbage-collect ${GC_OPTIONS:-} "$CONFIG" || status=$?
exit "$status"
