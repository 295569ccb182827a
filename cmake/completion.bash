# Bash completion of blasgrad: commands, options, values of options that take a choice, and files. The options are those
# that --help names.

_blasgrad_words()
{
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(compgen -W "$1" -- "$cur")
}

_blasgrad_files()
{
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(compgen -f -- "$cur")
    compopt -o filenames 2>/dev/null
}

# The options of a command, with = behind those that take a value; sweep takes those of train too.
_blasgrad_options()
{
    { "$program" "$command" --help; [[ $command != sweep ]] || "$program" train --help; } 2>/dev/null |
        sed -n 's/^ \{2,6\}\(-[a-zA-Z?], *\)\{0,1\}\(--[a-z0-9-]*=\{0,1\}\).*/\2/p'
}

# The values of the option $1. Fails if it is none that takes a value.
_blasgrad_values()
{
    case $command:$1 in
    lecture:--section)
        _blasgrad_words 'table predictions losses differentiability gradient update searches' ;;
    *:--optimizer)
        _blasgrad_words 'sgd adam adamw adamax nadam radam rmsprop adagrad adadelta rprop lion lamb adafactor muon lbfgs lm' ;;
    *:--schedule)
        _blasgrad_words 'constant step multi-step exponential cosine restarts linear polynomial one-cycle plateau' ;;
    *:--loss)
        _blasgrad_words "$losses" ;;
    *:--model)
        _blasgrad_words 'mnist-cnn resnet20 char-lstm char-gpt gpt2' ;;
    *:--dtype) _blasgrad_words 'f32 f64' ;;
    *:--gemm-provider) _blasgrad_words 'auto openblas' ;;
    attack:--method)
        _blasgrad_words 'fgsm bim pgd mi-fgsm apgd apgd-dlr deepfool cw square spsa noise' ;;
    search:--method | search:--compare)
        _blasgrad_words 'random es-1+1 es openai-es cmaes sep-cmaes spsa de pso sgd adam adamw adamax nadam radam rmsprop
            adagrad adadelta rprop lion lamb adafactor muon lstsq' ;;
    search:--budget) _blasgrad_words 'evaluations: flops: seconds:' ;;
    attack:--norm) _blasgrad_words 'linf l2 l1' ;;
    attack:--loss) _blasgrad_words 'cross_entropy margin dlr' ;;
    certify:--method) _blasgrad_words 'interval smoothing' ;;
    *:--method) _blasgrad_words 'sgd lstsq' ;;
    *:--scale) _blasgrad_words 'standard min-max' ;;
    *:--missing) _blasgrad_words 'error nan mean drop' ;;
    *:--adversarial) _blasgrad_words 'fgsm:eps= pgd:eps= trades:eps=' ;;
    *:--class-weights) _blasgrad_words 'balanced' ;;
    *:--part) _blasgrad_words 'test validation train all' ;;
    bench:--tokens) ;;
    *:--tokens) _blasgrad_words 'characters bytes' ;;
    *:--what) _blasgrad_words 'curves confusion wrong filters speed sweep' ;;
    sweep:--by) _blasgrad_words "$metrics" ;;
    *:--by) _blasgrad_words 'epoch step time batch threads' ;;
    *:--metric) _blasgrad_words 'loss accuracy' ;;
    *:--op) _blasgrad_words "$("$program" gradcheck --list 2>/dev/null)" ;;
    *:--data)
        _blasgrad_words 'lecture digits strokes'
        _blasgrad_files ;;
    *:--checkpoint | *:--init | *:--out | *:--output | *:-o | *:--trace | *:--config | *:--target-file | \
        *:--test-data | *:--test-target-file | *:--validation-data | *:--validation-target-file | \
        attack:--examples | attack:--save)
        _blasgrad_files ;;
    *)
        _blasgrad_options | grep -q -x -e "$1=" ;;
    esac
}

_blasgrad()
{
    local program=$1 word command=${COMP_WORDS[1]}
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local losses='l1 l2 smooth_l1 huber poisson_nll bce bce_with_logits hinge soft_margin cross_entropy nll
        multi_margin multilabel_margin multilabel_soft_margin kl_div cosine_similarity hinge_embedding'
    local metrics='validation_loss test_loss train_loss validation_accuracy test_accuracy train_accuracy validation_bits
        test_bits train_bits validation_perplexity test_perplexity train_perplexity'
    local workloads='tiny mlp-b1 mlp-b32 mlp-b128 mlp-b512 wide mnist-cnn resnet20 char-lstm char-gpt gpt2 hvp gmm lse
        llsq kmeans lstm cholesky solve solve_triangular lu qr inv slogdet eigh svd'
    COMPREPLY=()
    # Bash takes --option=value for three words.
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    if ((COMP_CWORD == 1)); then
        _blasgrad_words 'train sweep eval predict search attack certify lecture info gradcheck bench plot help --help --version'
    elif [[ $prev == -* ]] && _blasgrad_values "$prev"; then
        :
    elif [[ $cur == -* ]]; then
        _blasgrad_words "$(_blasgrad_options | tr -d = | sort -u)"
    elif [[ $command == help ]]; then
        _blasgrad_words 'train sweep eval predict search attack certify lecture info gradcheck bench plot'
    elif [[ $command == bench ]]; then
        _blasgrad_words "$workloads"
    elif [[ $command == plot || $command == info ]]; then
        _blasgrad_files
    fi
}
complete -F _blasgrad blasgrad
