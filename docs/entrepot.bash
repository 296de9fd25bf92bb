# Completion for bash: source it, or copy it to /usr/share/bash-completion/completions/entrepot.
_entrepot() {
  local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
  local noun=${COMP_WORDS[1]:-} verb=${COMP_WORDS[2]:-} words=
  case $before in
    -c | --config)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    --specials)
      mapfile -t COMPREPLY < <(compgen -W 'literal parsed' -- "$word")
      return
      ;;
    --kind)
      words='paid promo'
      if [ "$noun" = review ]; then
        words='resale origin'
      fi
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
      return
      ;;
    --method)
      mapfile -t COMPREPLY < <(compgen -W 'bank_transfer card direct_debit marketplace' -- "$word")
      return
      ;;
    --type)
      mapfile -t COMPREPLY < <(compgen -W 'enterprise developer consumer government education child_directed' -- "$word")
      return
      ;;
    --hold)
      mapfile -t COMPREPLY < <(compgen -W 'purchases traffic' -- "$word")
      return
      ;;
    --as)
      words='entered reviewed'
      if [ "$noun" = claim ]; then
        words='settled withdrawn'
      fi
      mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
      return
      ;;
    --key | --policy | --proof)
      mapfile -t COMPREPLY < <(compgen -f -- "$word")
      return
      ;;
    --level)
      mapfile -t COMPREPLY < <(compgen -W 'none basic full' -- "$word")
      return
      ;;
    --receipts)
      mapfile -t COMPREPLY < <(compgen -d -- "$word")
      return
      ;;
    --state)
      if [ "$noun" = log ]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$word")
        return
      fi
      mapfile -t COMPREPLY < <(compgen -W 'open settled withdrawn' -- "$word")
      return
      ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    words='init serve registry client key fleet device model limit plan credit receipt log usage review route batch claim closures verdict count quickstart evidence erase audit backup restore witness version help --help'
  elif [[ $word == -* ]]; then
    words='--config --json --help'
    case "$noun $verb" in
      'init '*) words+=' --zone' ;;
      'serve '*) words+=' --sandbox' ;;
      'client add') words+=' --name --currency --party --country --billing-country --type --accept' ;;
      'client standing') words+=' --party --country --billing-country --type --accept' ;;
      'closures '*) words+=' --client --model --product --at --market --origin --link --consent' ;;
      'registry show') words+=' --version' ;;
      'registry sign') words+=' --person --key --as' ;;
      'registry sign-grant') words+=' --grant --key --key-id --counter' ;;
      'client kyc') words+=' --level --evidence' ;;
      'key add') words+=' --client --product --name --budget-day --budget-month --budget-total --market --consent' ;;
      'key budget') words+=' --budget-day --budget-month --budget-total' ;;
      'key limit' | 'client limit') words+=' --model --requests --tokens --input-tokens --output-tokens --calls' ;;
      'fleet add') words+=' --client --product --market --maker --models --consent --budget-day --budget-total --calls-day --calls-total --wakes-day --wakes-total --seconds-day' ;;
      'fleet voice') words+=' --hear --think --speak --voice --language --instructions --turns-minute --session-minutes' ;;
      'fleet list') words+=' --client' ;;
      'device issue') words+=' --fleet --device --consent --given --expires --inactive --rotate --budget-day --budget-total --calls-day --calls-total --wakes-day --wakes-total --seconds-day' ;;
      'device list') words+=' --fleet --from --limit' ;;
      'device '*) words+=' --fleet' ;;
      'model limit') words+=' --requests --tokens --input-tokens --output-tokens --calls' ;;
      'key list') words+=' --client' ;;
      'plan list') words+=' --product' ;;
      'credit purchase') words+=' --client --plan --product --amount --kind --expires --payer --method --payment' ;;
      'credit refund') words+=' --client --lot --amount --payer --method --contract' ;;
      'credit correct') words+=' --entry --reason --amount --lot --reference' ;;
      'credit entries') words+=' --client --lot --call' ;;
      'credit report' | 'credit breakage') words+=' --period' ;;
      'credit expire') words+=' --at' ;;
      'credit show') words+=' --client --product' ;;
      'receipt verify') words+=' --key --policy --proof' ;;
      'log verify') words+=' --key --policy' ;;
      'log follow') words+=' --state --receipts --once --every --key --policy' ;;
      'restore '*) words+=' --accept-loss' ;;
      'usage check') words+=' --route --finding' ;;
      'review list') words+=' --all' ;;
      'review open') words+=' --client --kind --hold --by --why' ;;
      'review release' | 'review refuse') words+=' --by --why' ;;
      'erase '*) words+=' --client --due --list --forfeit --yes --by --why' ;;
      'route explain') words+=' --client --model --product --preferences --service --at --market --origin --link --consent' ;;
      'route quarantine' | 'route release') words+=' --why --by' ;;
      'batch list') words+=' --client --unended' ;;
      'claim list') words+=' --route --state' ;;
      'claim close') words+=' --why --by --as' ;;
      'usage show') words+=' --client --month' ;;
      'evidence verify') words+=' --key --policy --judge --seed' ;;
      'evidence '*) words+=' --client --period -o' ;;
      'witness init') words+=' --name' ;;
      'witness '*) words+=' --listen' ;;
      'quickstart '*) words+=' --model --url' ;;
      'count '*) words+=' --model --vocab --chat --template --specials --ids' ;;
    esac
  elif [ "$COMP_CWORD" -eq 2 ]; then
    case $noun in
      registry) words='check apply show history diff sign sign-grant keygen' ;;
      client) words='add list show standing suspend resume kyc' ;;
      verdict) words='replay' ;;
      key) words='add list revoke budget' ;;
      fleet) words='add list show suspend resume secret voice' ;;
      device) words='issue list show activate revoke' ;;
      plan) words='list' ;;
      credit) words='purchase refund correct expire show entries trace report breakage' ;;
      receipt) words='show verify' ;;
      log) words='key verify follow' ;;
      usage) words='check show' ;;
      review) words='list show open release refuse' ;;
      route) words='list explain history quarantine release' ;;
      batch) words='list show cancel' ;;
      claim) words='list show close' ;;
      evidence) words='verify --client --period -o' ;;
      quickstart) words='curl openai-python openai-node anthropic-python anthropic-node google-genai-python google-genai-node langchain-python langchain-anthropic langchain-google langchain-node vercel-ai vercel-ai-anthropic vercel-ai-google openrouter opencode qwen-code claude-code codex gemini-cli' ;;
      witness) words='init' ;;
      help) words='init serve registry client key fleet device plan credit receipt log usage review route batch claim closures verdict count quickstart evidence erase audit backup restore witness version' ;;
    esac
  fi
  if [[ $noun == backup || $noun == restore ]] && [[ $word != -* ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
  fi
  if [[ "$noun $verb" == 'registry keygen' || "$noun $verb" == 'evidence verify' ]] && [[ $word != -* ]] && [ "$COMP_CWORD" -gt 2 ]; then
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
    return
  fi
  if { [[ $noun == init || $noun == witness ]] && [[ $word != -* ]] && [[ "$noun $COMP_CWORD" != 'witness 2' ]]; } ||
    { [[ "$noun $verb" == 'registry check' || "$noun $verb" == 'registry sign'* ]] && [[ $word != -* ]] &&
      [ "$COMP_CWORD" -gt 2 ]; }; then
    mapfile -t COMPREPLY < <(compgen -d -- "$word")
    return
  fi
  mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
}
complete -o default -o filenames -F _entrepot entrepot
