# Completion for cairn(1), for bash 4 and newer. Works with or without the package bash-completion.
# It completes verbs, options, values with a fixed set, model names and files; never anything that
# would have to open the store.

_cairn() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local verb="" sub="" word models i skip=0
    local verbs='index watch doctor why-not duplicates search suggest ask chat memory saved feedback gateway sql get list tag delete status check compact embedder backup restore import export pii replay eval model collection serve mcp open desktop tui'
    local global='--home --collection --config --embedder --threads --wait --json --quiet --verbose --help --version'
    local valued=' --home --collection --config --embedder --threads --filter --facets --mode --model --temperature --seed --chat --history --max-tokens --queries --qrels --qa --run --file --top --pp --depth --tg --ctx --http --grpc --hostname --tls-cert --tls-key --tls-client-ca --token-file --add-token --role --for --groups --collection-mb --memory-mb --audit-log --audit-mb --generator --rate --connections --upload-mb --vector --types --dump --receipt --ids --metric --format --index --exclude --include --max-load --priority --settle --rescan --max-folders --type --output --page --opener --idle --web-page --backend --url --shards --replicas --user --password-file --api-key-file --ca-file --by --near --budget --per-document --diversity --limit --kv --draft --name --sha256 --lora --slice --html --attacks --clean --pii --count --measure --margin --alpha --ctx -k '
    COMPREPLY=()

    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if ((skip)); then
            skip=0
        elif [[ $valued == *" $word "* ]]; then
            skip=1
        elif [[ $word != -* ]]; then
            if [[ -z $verb ]]; then verb=$word; elif [[ -z $sub ]]; then sub=$word; fi
        fi
    done

    _cairn_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur"); }
    _cairn_files() {
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
        compopt -o filenames 2>/dev/null
    }

    case $prev in
    --home)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        compopt -o filenames 2>/dev/null
        return
        ;;
    --role) _cairn_words 'read write admin'; return ;;
    --tls-cert | --tls-key | --tls-client-ca | --token-file | --config | --queries | --qrels | --qa | --run | --file | --output | --vector | --ids | --dump | --receipt) _cairn_files; return ;;
    --metric) _cairn_words 'cosine dot l2'; return ;;
    --format) _cairn_words 'npy fvecs bvecs jsonl faiss'; return ;;
    --index) _cairn_words 'flat hnsw ivf-flat ivf-sq8 ivf-pq'; return ;;
    --type) _cairn_words 'F32 F16 BF16 Q8_0 Q6_K Q5_0 Q4_K Q4_0'; return ;;
    --mode) _cairn_words 'hybrid lexical vector'; return ;;
    --facets) _cairn_words 'type ext folder author lang tag year'; return ;;
    --model | --embedder | --generator)
        models=${CAIRN_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/cairn/models}
        if [[ $cur == */* ]]; then
            _cairn_files
        else
            _cairn_words "$(ls -1 "$models" 2>/dev/null)"
        fi
        return
        ;;
    esac
    if ((skip)); then
        return
    fi

    if [[ -z $verb ]]; then
        if [[ $cur == -* ]]; then _cairn_words "$global"; else _cairn_words "$verbs"; fi
        return
    fi
    if [[ $cur == -* ]]; then
        case $verb in
        collection) _cairn_words "--backend --url --index --shards --replicas --user --password-file --api-key-file --ca-file --yes $global" ;;
        duplicates) _cairn_words "--near $global" ;;
        doctor) _cairn_words "$global" ;;
        why-not) _cairn_words "-k --mode --answer $global" ;;
        watch) _cairn_words "--no-vectors --exclude --include --hidden --no-ignore --pause-on-battery --max-load --priority --settle --rescan --max-folders --by $global" ;;
        index) _cairn_words "--no-vectors --strict --dry-run --exclude --include --hidden --no-ignore $global" ;;
        search) _cairn_words "-k --mode --filter --facets --as-you-type --history --collapse --versions --per-document --diversity --budget --explain --vector $global" ;;
        suggest) _cairn_words "-k $global" ;;
        open) _cairn_words "--page --opener $global" ;;
        tui) _cairn_words "--opener $global" ;;
        desktop) _cairn_words "--idle --opener --web-page $global" ;;
        list) _cairn_words "--filter --versions $global" ;;
        tag) _cairn_words "$global" ;;
        ask) _cairn_words "--model --temperature --seed --history --filter --max-tokens --extractive --explain --receipt --no-cache --chat --tools $global" ;;
        chat) _cairn_words "--resume --model --filter --mode --extractive --no-cache --format $global" ;;
        sql) _cairn_words "--limit $global" ;;
        memory | saved | gateway) _cairn_words "$global" ;;
        feedback) _cairn_words "--all $global" ;;
        replay) _cairn_words "--model $global" ;;
        pii) _cairn_words "--types --show --redact $global" ;;
        check) _cairn_words "--repair --recall $global" ;;
        restore) _cairn_words "--replace $global" ;;
        import) _cairn_words "--no-vectors --ids --metric --format $global" ;;
        mcp) _cairn_words "--generator $global" ;;
        serve) _cairn_words "--http --grpc --hostname --tls-cert --tls-key --tls-client-ca --token-file --add-token --role --for --groups --generator --rate --connections --upload-mb --collection-mb --memory-mb --audit-log --audit-mb $global" ;;
        export) _cairn_words "--format --index $global" ;;
        eval)
            case $sub in
            answers) _cairn_words "--qa --model --extractive --dump --prompts --slice --html $global" ;;
            judge) _cairn_words "--model $global" ;;
            guardrails) _cairn_words "--attacks --clean --pii $global" ;;
            make) _cairn_words "--count --seed $global" ;;
            compare) _cairn_words "--qrels $global" ;;
            gate) _cairn_words "--qrels --measure --margin --alpha --better $global" ;;
            *) _cairn_words "--queries --qrels --mode --run --history --budget --slice --html $global" ;;
            esac
            ;;
        model)
            case $sub in
            add | pull) _cairn_words "--name --sha256 $global" ;;
            tokenize) _cairn_words "--model --jsonl --add-special --parse-special $global" ;;
            embed) _cairn_words "--model --jsonl --query-prefix --exact $global" ;;
            template | rerank | entail | generate) _cairn_words "--model --jsonl --exact --ctx --kv --lora --draft $global" ;;
            perplexity) _cairn_words "--model --file --top --exact --ctx --kv --lora $global" ;;
            merge) _cairn_words "--model --lora --type --output --file $global" ;;
            quantize) _cairn_words "--model --type --output --file $global" ;;
            bench) _cairn_words "--model --pp --depth --tg --exact --kv $global" ;;
            *) _cairn_words "$global" ;;
            esac
            ;;
        *) _cairn_words "$global" ;;
        esac
        return
    fi
    case $verb in
    backup | restore)
        mapfile -t COMPREPLY < <(compgen -d -- "$cur")
        compopt -o filenames 2>/dev/null
        ;;
    index | watch | why-not | get | open | list | delete | pii | replay) _cairn_files ;;
    collection) if [[ -z $sub ]]; then _cairn_words 'create attach copy drop'; fi ;;
    import) if [[ -z $sub ]]; then _cairn_words 'beir jsonl vectors'; else _cairn_files; fi ;;
    embedder)
        if [[ -z $sub ]]; then
            _cairn_words 'build switch undo drop'
        elif [[ $sub == build ]]; then
            models=${CAIRN_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/cairn/models}
            _cairn_words "$(ls -1 "$models" 2>/dev/null)"
        fi
        ;;
    export) if [[ -z $sub ]]; then _cairn_words 'vectors'; else _cairn_files; fi ;;
    eval) if [[ -z $sub ]]; then _cairn_words 'retrieval compare gate make answers judge guardrails'; fi ;;
    model)
        if [[ -z $sub ]]; then
            _cairn_words 'list add pull info tokenize template embed rerank entail generate perplexity bench quantize merge'
        elif [[ $sub == info ]]; then
            models=${CAIRN_MODELS:-${XDG_CACHE_HOME:-$HOME/.cache}/cairn/models}
            _cairn_words "$(ls -1 "$models" 2>/dev/null)"
        fi
        ;;
    esac
}
complete -F _cairn cairn
