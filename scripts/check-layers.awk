# Which room may include what: the arrows of the design, on #include lines.
# Usage: awk -f check-layers.awk FILES, with paths from the top of the tree.
BEGIN {
    may["base"] = ""
    may["ir"] = "base"
    may["io"] = "base ir"
    may["infer"] = "base ir"
    may["config"] = "base"
    may["data"] = "base ir io"
    may["pass"] = "base ir infer config"
    may["quant"] = "base config"
    may["target"] = "base ir config quant"
    may["exec"] = "base ir infer"
    may["report"] = "base config"
    may["api"] = "base ir io infer config data pass quant target exec report"
    # Third-party headers, and the rooms or files that may see them.
    user["onnx.pb-c.h"] = user["protobuf-c"] = "io"
    user["yaml.h"] = "config"
    user["zlib.h"] = "data"
    user["jansson.h"] = "report cli"
    user["argp.h"] = "cli"
    user["dlfcn.h"] = "pass/plugin.c exec"
    user["dnnl.h"] = user["dnnl_version.h"] = user["oneapi"] = "exec/onednn.c"
}

function listed(word, list) { return index(" " list " ", " " word " ") > 0 }

function refuse(why) {
    printf "%s:%d: %s: %s\n", FILENAME, FNR, header, why
    n_bad++
}

FNR == 1 {
    n = split(FILENAME, part, "/")
    room = part[1] == "src" ? part[2] : part[1]
    file = room "/" part[n]
    if (!(room in may) && !listed(room, "include passes cli")) {
        header = "(file)"
        refuse("room '" room "' is not in the table of this script")
    }
}

/^[ \t]*#[ \t]*include[ \t]*[<"]/ {
    match($0, /[<"][^>"]*[>"]/)
    is_system = substr($0, RSTART, 1) == "<"
    header = substr($0, RSTART + 1, RLENGTH - 2)
    slash = index(header, "/")
    head = slash ? substr(header, 1, slash - 1) : header
    if (head in user) {
        if (!listed(room, user[head]) && !listed(file, user[head]))
            refuse("only for " user[head])
    } else if (head == "quern") {
        if (!is_system)
            refuse("public headers are included with <>")
        else if (header == "quern/quern.h" && room != "cli")
            refuse("umbrella header inside the library")
        else if (room == "base" && header !~ /\/(types|version|diag|file|tensor)\.h$/)
            refuse("'base' knows nothing of ONNX")
    } else if (room == "include") {
        if (!is_system || header !~ /^std(arg|bool|def|int|io)\.h$/)
            refuse("public headers include <quern/…> and std{arg,bool,def,int,io}.h only")
    } else if (header ~ /\.\./) {
        refuse("path with '..'")
    } else if (!is_system && room == "passes" && head == part[2]) {
        next # a family of passes sees its own headers
    } else if (!is_system && slash) {
        if (!(head in may))
            refuse("'" head "' is no room")
        else if (!(room in may))
            refuse("'" room "' sees <quern/…> only")
        else if (head != room && !listed(head, may[room]))
            refuse("'" room "' may include: " (may[room] == "" ? "no other room" : may[room]))
    } else if (is_system && head in may) {
        refuse("internal headers are included with quotes")
    }
}

END { exit n_bad > 0 }
