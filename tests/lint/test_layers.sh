#!/bin/bash
# The layer check accepts what is allowed and finds each kind of violation.
set -eu
check=$QUERN_SOURCE/scripts/check-layers.sh
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
n_failed=0

# expect STATUS FILE INCLUDE: a tree of just this file
expect() {
    rm -rf "$tree/src" "$tree/passes"
    mkdir -p "$tree/src" "$tree/passes" "$(dirname "$tree/$2")"
    printf '/* A file. */\n#include %s\n' "$3" >"$tree/$2"
    status=0
    said=$("$check" "$tree" 2>&1) || status=1
    if [ $status != "$1" ] || { [ "$1" = 1 ] && [[ $said != "$2:2: "* ]]; }; then
        echo "$2 with #include $3: status $status, want $1; said: $said"
        n_failed=$((n_failed + 1))
    fi
}

expect 0 src/ir/graph.c '"base/diag.h"'
expect 0 src/ir/graph.c '"ir/graph.h"'
expect 0 src/ir/graph.c '<quern/graph.h>'
expect 0 src/exec/kernels/gemm.c '"exec/kernels/level.h"'
expect 0 src/io/read_model.c '"onnx.pb-c.h"'
expect 0 src/api/calibrate.c '"exec/engine.h"'
expect 0 src/cli/main.c '"cli.h"'
expect 0 src/cli/main.c '<quern/quern.h>'
expect 0 passes/fuse/conv_bn.c '"common.h"'
expect 0 passes/fuse/conv_bn.c '<quern/pass.h>'
expect 0 passes/fuse/conv_bn.c '"fuse/affine.h"'
expect 0 src/exec/onednn.c '<oneapi/dnnl/dnnl.h>'
expect 1 src/base/diag.c '"ir/graph.h"'
expect 1 src/base/diag.c '<quern/graph.h>'
expect 1 src/ir/graph.c '"io/io.h"'
expect 1 src/ir/graph.c '<quern/quern.h>'
expect 1 src/ir/graph.c '"quern/graph.h"'
expect 1 src/ir/graph.c '<base/diag.h>'
expect 1 src/ir/graph.c '"../base/diag.h"'
expect 1 src/ir/graph.c '"nowhere/x.h"'
expect 1 src/quant/noise.c '"exec/engine.h"'
expect 1 src/exec/engine.c '"quant/range.h"'
expect 1 src/pass/manager.c '"exec/engine.h"'
expect 1 src/pass/manager.c '<dlfcn.h>'
expect 1 src/exec/engine.c '<oneapi/dnnl/dnnl.h>'
expect 1 src/exec/engine.c '"onnx.pb-c.h"'
expect 1 src/ir/graph.c '<protobuf-c/protobuf-c.h>'
expect 1 src/cli/main.c '"base/diag.h"'
expect 1 passes/fuse/conv_bn.c '"ir/ir.h"'
expect 1 passes/fuse/conv_bn.c '"../../src/ir/ir.h"'
expect 1 passes/fuse/conv_bn.c '<jansson.h>'
expect 1 passes/fuse/conv_bn.c '"quantize/linear.h"'
expect 1 src/include/quern/run.h '<yaml.h>'
expect 1 src/include/quern/run.h '"base/diag.h"'
[ $n_failed = 0 ]
