# shellcheck shell=bash
# What each target begins with, made of tests/data and config. Sourced by chaos/fuzz/run.

# seeds TARGET FOLDER: writes the seeds of a target.
seeds() {
    case $1 in
        request_protobuf)
            request_seeds "$2" '*.pb' '*.pb.gz'
            # Instructions that write a log record, a gauge and a span with an attribute each, and a profile
            # with a dictionary (see src/written.rs).
            printf '\200\1\2\2\301tttt\5\201\5hello\41\6\201\1k\2\143vvvvvvvv' >"$2/seed-written-logs"
            printf '\201\1\2\2\201\1m\5\1\244vvvvvvvv\7\201\1k\2\201\1v' >"$2/seed-written-metrics"
            printf '\202\1\2\2\201\20iiiiiiiiiiiiiiii\205\1s\11\201\1k\2\5\1\201\1v' >"$2/seed-written-traces"
            printf '\203\1\2\2\1\101\1\41\2\101\1\344\1vvvvvvvv\41\243vvvvvvvv\207\20iiiiiiiiiiiiiiii\43\2\205\1k\6\101\1' \
                >"$2/seed-written-profiles"
            ;;
        request_json) request_seeds "$2" '*.json' '*.json.gz' ;;
        request_http) connection_seeds "$2" ;;
        segment)
            { printf '\0' && cat tests/data/golden/segment-v2; } >"$2/seed-golden"
            # Forged, and written and damaged: the fuzzer finds the rest by itself.
            printf '\1\2' >"$2/seed-forged"
            printf '\377\7aaaabbbbccccddddeeeeffff' >"$2/seed-damaged"
            ;;
        manifest)
            { printf '\0' && cat tests/data/spool/00000042-main.manifest; } >"$2/seed-golden"
            { printf '\100' && sed '1d;$d' tests/data/spool/00000042-main.manifest; } >"$2/seed-forged"
            printf '\377\3aaaabbbbccccddddeeeeffff' >"$2/seed-damaged"
            ;;
        configuration) configuration_seeds "$2" ;;
        rows) row_seeds "$2" ;;
        gzip)
            { printf '\1\1\0aaaaaaaaaaaaaa' && cat tests/data/claude-code/hello.http-json/0002.logs.http.json; } >"$2/seed-raw"
            # Copies of each kind of distance and length behind a few bytes, in one piece.
            printf '\0aaaaaaaaaaaaaaaa\20abcdefghijklmnop\10\7\377\377\0\11\0\200\377\377\2xy\12\2\377\377\1z\7\1\3' \
                >"$2/seed-repeating"
            ;;
    esac
}

# Rows of each signal as JSON lines and as CSV, and the instructions of target request_protobuf that write requests.
row_seeds() {
    local id=018f000000000000000000aa00000000 folder=$1
    printf '\0\0{"id":"%s","timestamp":"2026-11-23T10:00:00.000001Z","time_unix_nano":5,"body":"a","attributes":{"k":"1"},"extra":"{\\"attributes\\":[{\\"key\\":\\"k\\",\\"value\\":{\\"intValue\\":\\"1\\"}}],\\"scope\\":{}}"}\n' \
        "$id" >"$folder/seed-logs"
    printf '\1\0{"id":"%s","metric_type":"sum","temporality":"delta","value":1.5,"bucket_counts":[1,2],"resource_attributes":{"a":null}}\n' \
        "$id" >"$folder/seed-metrics"
    printf '\2\0{"id":"%s","span_name":"s","duration_ns":-1,"time_unix_nano":9,"status_code":2,"events":"[{}]","extra":"{\\"resourceOf\\":\\"%s\\"}"}\n' \
        "$id" "$id" >"$folder/seed-traces"
    printf '\0\1id,time_unix_nano,body,severity_number,attributes\n%s,7,"say ""hi"",\n",9,"{""k"":""v""}"\n' "$id" >"$folder/seed-csv"
    printf '\200\1\2\2\301tttt\5\201\5hello\41\6\201\1k\2\143vvvvvvvv' >"$folder/seed-written-logs"
    printf '\201\1\2\2\201\1m\5\1\244vvvvvvvv\7\201\1k\2\201\1v' >"$folder/seed-written-metrics"
    printf '\202\1\2\2\201\20iiiiiiiiiiiiiiii\205\1s\11\201\1k\2\5\1\201\1v' >"$folder/seed-written-traces"
}

# The files of config/, also with the settings in them that stand behind a #, and an environment.
configuration_seeds() {
    local folder=$1 file name
    for file in config/*.yaml; do
        name=$(basename "$file" .yaml)
        cp "$file" "$folder/seed-$name"
        sed -E 's/^( *)#([a-z_]+:)/\1\2/; /^ *#/d' "$file" >"$folder/seed-$name-all"
        # One section a file: short inputs are what the fuzzer is fast with.
        sed -E 's/^( *)#([a-z_]+:)/\1\2/; /^ *#/d' "$file" | awk -v to="$folder/seed-$name-" '
            /^[a-z]/ { section = $1; sub(":", "", section) } section { print > (to section) }'
    done
    # shellcheck disable=SC2016  # the program replaces it, not the shell
    printf 'log:\n  seal_after: ${env:AFTER:-5m}\n\0AFTER=1m\nFOREBAY_LOG_WHEN_FULL=drop_oldest\n' \
        >"$folder/seed-environment"
    printf 'objects:\n  key: "{writer}/%%Y/%%j/{signal}_{unique}"\n  timezone: Europe/Berlin\n' >"$folder/seed-key"
}

# Bytes of HTTP/1.1, and captured requests behind the choices of target request_http: transport, signal, kind, refusal,
# pieces, repetitions, framing and the bytes of a wrong frame.
connection_seeds() {
    local folder=$1 transport kind
    printf '\0POST /v1/logs HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\n\r\n{}' \
        >"$folder/seed-http1"
    printf '\0POST /v1/traces HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n' \
        >"$folder/seed-chunked"
    # An empty frame of settings, then headers for POST /v1/logs without a body.
    printf '\100\0\0\23\1\5\0\0\0\1\203\206\0\5:path\10/v1/logs' >"$folder/seed-http2"
    # Compressed in each way, with something behind its end.
    for kind in 2 4 6; do
        { printf '\377\1\0%b\0\0\0\377xxxxx' "\\0$kind" && cat tests/data/claude-code/hello.http-protobuf/0002.logs.http.pb; } \
            >"$folder/seed-followed-$kind"
    done
    for transport in 0 1 2; do
        for kind in 0 1 2 3 4 5 6 7 10 12 20 22; do
            {
                printf '\377%b\0%b\0\3\0\0\0\0\0\0\0' "\\0$transport" "\\0$kind"
                if ((kind % 2)); then
                    cat tests/data/claude-code/hello.http-json/0002.logs.http.json
                else
                    cat tests/data/claude-code/hello.http-protobuf/0002.logs.http.pb
                fi
            } >"$folder/seed-sent-$transport-$kind"
        done
    done
}

# Captured requests: a byte for the signal, then the body.
request_seeds() {
    local folder=$1 file name signal
    while IFS= read -r file; do
        name=${file#tests/data/claude-code/}
        case $name in
            *.logs.*) signal='\0' ;;
            *.metrics.*) signal='\1' ;;
            *) signal='\2' ;;
        esac
        { printf '%b' "$signal" && contents "$file"; } >"$folder/seed-${name//\//-}"
    done < <(find tests/data/claude-code -name "$2" -o -name "$3")
}

# A file's content, unpacked.
contents() {
    case $1 in
        *.gz) gzip -dc "$1" ;;
        *) cat "$1" ;;
    esac
}
