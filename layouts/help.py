"""What the `?` of each panel says: formula, sign, unit, and what 0 means. From docs/formulas.md, in the same words."""

from dataclasses import dataclass

from layouts import ids


@dataclass(frozen=True)
class Help:
    """One panel's explanation; `formula` is shown in monospace."""

    formula: str
    reading: str
    sign: str
    unit: str


HELP: dict[str, Help] = {
    ids.HEAD_MATRIX: Help(
        "direct   = (z·W_O − mean) / σ · u,  u = W_U[answer] − W_U[instead]\n"
        "ablation = LD(head removed) − LD(run)",
        "Direct attribution: what the head itself writes along the answer direction at the last position, with the "
        "run's own final scale σ (the mean is taken off under LayerNorm, not under RMSNorm). Ablation: the exact "
        "change of the logit difference LD when this head alone is removed at every position; zero sets z to 0, mean "
        "sets it to its average over the reference texts. "
        "Two maps show two numbers of the same heads, in logits on one scale. In the scatter every point is a head, "
        "faint ones are early layers: r is Pearson's, ρ Spearman's correlation over the heads that have both; dotted "
        "is where both would be equal, or opposite by definition; the heads furthest out are named. A box or a lasso "
        "selects, shift adds. Heads that share keys and values have one value effect.",
        "Direct: blue helps the answer, red works against it. Ablation: red (negative) means the head helped.",
        "logits. 0 = no effect; a hatched cell is not computed yet. − in a cell: strongly negative, without colour.",
    ),
    ids.TRAJECTORY: Help(
        "lens_l       = LN_final(resid_l) · u + bias,  u = W_U[answer] − W_U[instead]\n"
        "cumulative_l = (resid_l − mean) / σ_final · u + bias",
        "The logit difference read from the residual stream at the last position after each sublayer. The lens "
        "normalises every stream anew; the cumulative line keeps the run's own final scale, so its steps are the "
        "direct attributions. They differ early and end at the same value.",
        "Above 0 the answer is ahead, below 0 the other token. The answers' bias b_U is in every point.",
        "logits.",
    ),
    ids.GEOMETRY: Help(
        "|x|,   cos(x, y) = x·y / (|x| |y|),   σ = what a norm divides by",
        "The residual stream at the selected token (the last one where none is) through the layers: how long it and "
        "what attention and MLP write are, which way it turns in a block and towards its end, what is written against "
        "what is read, and the scales of the layer's norms. Early positions often have far longer streams than others.",
        "Cosines: 1 = same way, 0 = at right angles, −1 = opposite. Norms and scales have no sign.",
        "residual units on a logarithmic axis; cosines have none.",
    ),
    ids.ACTIVATION_MAP: Help(
        "PCA: (x − mean) · v₁, (x − mean) · v₂   (UMAP, t-SNE: neighbours stay neighbours)",
        "Activations of the prompt set at one layer, one point per prompt and token. PCA is exact and its distances "
        "mean something; UMAP and t-SNE only say who is near whom, take longer and wait for their button; what Cancel "
        "leaves ends by itself, before the next one. A lasso selects prompts and the tokens of the one "
        "on screen. Shift and a second lasso makes the difference of the two groups' means a direction, of the plain "
        "run. A click shows the point's prompt. Labels of the prompts (extra columns of the prompt set) colour "
        "points too: by name, or by size where every value is a number.",
        "Directions of the axes are chosen so that each component's largest entry is positive.",
        "PCA: residual units; UMAP, t-SNE: none. Hollow points have no number to colour them by.",
    ),
    ids.COMPONENTS: Help(
        "Σ components + bias = logit difference\nΣ heads + b_O = L{l}.attn",
        "Every part that writes to the residual stream, ranked. Direct is its direct logit attribution; zero "
        "and mean are the exact change when the head alone is removed. L{l}.attn contains its layer's heads: add up "
        "either the sublayers or their heads, not both.",
        "Direct: positive helps the answer. Zero, mean: negative means the head helped.",
        "logits. Empty = not computed.",
    ),
    ids.ATTENTION: Help(
        "A[dest, src] = softmax(q_dest · k_src / √d_head),   A × |v|,   A × |v·W_O|,   A × (v·W_O)·u / σ",
        "Attention of the primary head after the softmax. Rows are queries (destination), columns keys (source); "
        "every row sums to 1 and nothing lies right of the diagonal. In a difference, blue rows look there more. "
        "Attention times |v|, or times |v·W_O|, is how much arrives from a key: heads park attention on keys whose "
        "values are small. Attention at the last token times attribution is what each source token contributes to "
        "the logit difference through this head; with the head's other keys it sums to its direct attribution. Large "
        "maps show the largest of each block; Ctrl-drag or the ranges (key r) zoom in, a double click shows all. Cut "
        "marks edges of the selected heads and says what knocking them out (attention 0, or the value that you give) "
        "does to the logit difference: a whole run with this change, not an estimate.",
        "0 to 1; a difference runs from −1 to 1. Attribution: positive towards the answer.",
        "probability, drawn in 256 steps; weighted: norms, or logits, up to the largest shown. Exports are exact.",
    ),
    ids.THUMBNAILS: Help(
        "A[dest, src] of every head",
        "The pattern of every head, layers downwards, heads across; inside each, queries run down and keys across. "
        "Click selects, shift adds, arrows move. Prompts of more than 64 tokens are reduced to 64 cells per side, each "
        "the largest of its block. Long prompts have the layers that were looked at.",
        "0 to 1; a difference runs from −1 to 1, drawn to ±0.5.",
        "probability, in 256 steps; exports carry the exact values.",
    ),
    ids.LENS: Help(
        "logit lens: p_l = softmax(LN_final(resid_post_l) · W_U + b_U)\n"
        "tuned lens: the same of h + A h + b, h = resid_post_l\n"
        "KL to final = Σ f (ln f − ln p_l),  f the run's own distribution at that position",
        "What the model would say if it stopped after each layer: the most likely token at every position, with the "
        "final norm computed anew. The last row is the model's own prediction. Colour: the top token's probability, "
        "the answer's rank (0 = top, log scale, strongest = top), entropy, KL(final ‖ lens) or logit difference. "
        "A tuned lens reads through a trained translator per layer, from a local folder in the tuned-lens format; of "
        "LayerNorm models it needs raw weights.",
        "The stronger the colour, the more of the number. In a difference all are signed: blue is more. The top "
        "token's probability has none, so the logit difference stands there: blue is towards the answer.",
        "probability, ranks, nats, logits, as chosen.",
    ),
    ids.TOKEN_TRAJECTORY: Help(
        "p_l[t], and rank_l[t] = number of tokens with a strictly larger logit than t",
        "What the lens beside gives chosen tokens, layer by layer, at the selected position (the last where none "
        "is selected): probability above, rank on a log scale below. The answers are followed where no token is "
        "chosen. With an intervention on, solid is the intervened run, dotted the baseline.",
        "Rank 0, at the top, is the most likely token.",
        "probability; ranks. Point at a layer for logits.",
    ),
    ids.PLATE: Help(
        "pixels of a figure = mm · 96 / 25.4 / s,  s = pt · 96 / 72 / 11 px",
        "Panels from anywhere as one figure, shown as it leaves: at the width of the place that it is for, with "
        "letters of so many points at final size. Export › Add to figure of any panel adds it as it is on screen. "
        "PDF and SVG have live text and fonts inside; every file carries its recipes, and dropped on the page it "
        "is this figure again. Below the choices stands whether the colours still read without some of them: the "
        "least distance (ΔE, CIELAB) of the two arms of signed colours and of two lines, in four ways of seeing, "
        "and in grey.",
        "Signed colours are symmetric about 0, which has the colour of the paper.",
        "mm and points at final size; ΔE, of which 20 is told apart.",
    ),
    ids.DECOMPOSITION: Help(
        "part = centre(c) / σ · u,  u = W_U[answer] − W_U[instead]\n"
        "c: attn_out or mlp_out; z W_O; A[END,k] v_k W_O; act_n W_out[n]\n"
        "Σ parts + bias = logit difference",
        "The logit difference divided ever more finely: layers, sublayers, heads, heads by the token that they read, "
        "neurons. Bars are the 25 largest; pale is what completes the sum. σ is the final norm's scale: the run's own, "
        "or the baseline's, so that a difference shows what was written alone; rescaling is what the changed scale "
        "does. Over a prompt set bars are means, points single prompts. Click a bar to select what it names.",
        "Positive (blue) pushes towards the answer, negative (red) away from it; 0 = writes nothing along u.",
        "logits, before any soft cap.",
    ),
    ids.NEURONS: Help(
        "act_n · W_out[n] · u / σ,  u = W_U[answer] − W_U[instead]",
        "The 20 largest neurons of one layer's MLP (that of the selected layer, else of the primary head): by their "
        "direct logit attribution at the last token, by their largest activation on this prompt, or by "
        "their activation at the selected token. In gated MLPs an activation is gate times input. Click one for its "
        "card.",
        "Attribution: positive (blue) pushes towards the answer. Activations have the sign that the MLP gives them.",
        "logits; activation units.",
    ),
    ids.NEURON_CARD: Help(
        "promotes: centre(W_out[n]) / σ · W_U, against the vocabulary's mean\n"
        "excited by: act of norm(W_E[t]) alone, for every token t",
        "One neuron on this prompt, token by token, and its read-outs: tokens that its output promotes and suppresses, "
        "per unit of activation (a negative activation turns them round), and tokens whose embedding alone excites it "
        "most. The last is an approximation: it leaves out what all layers before write.",
        "Activation above or below 0; promoted is positive, suppressed negative.",
        "activation units; logits per unit of activation.",
    ),
    ids.SAE_FEATURES: Help(
        "f = relu((x − b_dec) W_enc + b_enc)   (jumprelu, topk, gated: see docs/formulas.md)\n"
        "f · W_dec[feature] · u / σ,  u = W_U[answer] − W_U[instead]\n"
        "FVU = Σ|x − x̂|² / Σ|x − mean|²,   error = |x − x̂| / |x|",
        "The 20 largest features of a sparse autoencoder on this prompt, each with the token that it promotes most: by "
        "their direct logit attribution at the last token, by their largest activation, or by their "
        "activation at the selected token. Grey: how much of the activation is lost at each token. L0 is how many "
        "features are active on average; loss of the next tokens and logit difference are those of the run, and "
        "of the run in which the reconstruction stands in the activation's place. The separator before the prompt is "
        "left out of both. Click a bar for its card, a token to select it.",
        "Shares: positive (blue) pushes towards the answer. Activations are 0 or more.",
        "logits; the activation's own units; loss in nats. FVU, error: 0 = nothing lost, 1 = as bad as the mean, as 0.",
    ),
    ids.SAE_CARD: Help(
        "promotes: centre(W_dec[feature]) / σ · W_U, against the vocabulary's mean\n"
        "Ablate: x − f · W_dec[feature];   Steer: x + largest f · W_dec[feature]",
        "One feature on this prompt, token by token; the tokens that it promotes and suppresses, per unit of "
        "activation; and the token of each prompt of the set and of each background text on which it is most active, "
        "in bold. Ablate sets its activation to 0 at every position and leaves in the stream what the autoencoder does "
        "not explain. Type a number to see any other feature.",
        "Activations are 0 or more; promoted is positive, suppressed negative.",
        "the activation's own units; logits per unit of activation.",
    ),
    ids.COMPONENT_LENS: Help(
        "centre(c) / σ · W_U, against the vocabulary's mean, for each component c\n"
        "Σ components + bias = logit",
        "What single heads, attention layers and MLPs write at the selected position (the last where none is), read "
        "as tokens with the run's own final scale σ held fixed: promoted and suppressed most, and what each adds to "
        "the followed tokens. Largest: by direct logit attribution, or by norm without two answers; or all of one "
        "layer, whose attn row is its heads and b_O together. others are components that are no row; "
        "interventions what they changed after it was written. Later layers may use a component otherwise.",
        "Positive (blue) is promoted, negative (red) suppressed.",
        "logits before any soft cap, against the vocabulary's mean; norm: length after the final norm.",
    ),
    ids.PREDICTION: Help(
        "LD = mean logit[answer] − mean logit[instead]",
        "The most likely next tokens after the last position, and the two answers compared. Rank counts the tokens "
        "with a strictly larger logit (0 = top). KL is KL(baseline ‖ this run) of the next-token distribution.",
        "LD above 0: the answer is ahead.",
        "probability; logits for LD; nats for log-probability and KL.",
    ),
    ids.SWEEP_MAP: Help(
        "effect    = M(cell changed) − M(run)\n"
        "recovered = (M(cell changed) − M(corrupted)) / (M(clean) − M(corrupted))",
        "Every cell is one experiment: this place alone is changed, the rest of the model runs on. Denoise puts the "
        "clean activation into the corrupted run (what is enough to restore the answer), noise the corrupted one into "
        "the clean run (what is needed). Zero, mean and resample remove it from the run. Means are over the prompts; "
        "recovered is a ratio of means, leaving out prompts whose clean and corrupted runs hardly differ. Errors, "
        "intervals, p and q take the prompts to be independent; the IOI template's are not, they come in pairs of the "
        "same two texts, either as the clean one: count half as many. Attribution "
        "patching estimates all cells from one backward pass: read it beside exact values only.",
        "On the logit difference. Denoise: blue restores the answer. Noise, zero, mean, resample: red means the place "
        "helped the answer. Recovered: 0 = as corrupted, 1 = as clean; it may leave that range.",
        "that of the metric (logits, nats, probability, ranks); recovered has none. A hatched cell is not computed "
        "yet, which is not 0.",
    ),
    **dict.fromkeys(ids.BESIDE, Help(
        "x = effect in the first sweep, y = effect in this one, one point per cell\n"
        "r = Pearson's correlation, ρ = Spearman's rank correlation, of the points as drawn",
        "The same places under another method, as map or as scatter with the first sweep. Below, how it agrees with "
        "each sweep to its left, and the cells whose sign flips, both effects above 5 % of the largest; of smaller "
        "ones nothing is said. Denoise starts from the corrupted run and the others from the clean one, so agreement "
        "has opposite signs there: r and ρ are negative, the dotted line is y = −x, and what stands out are cells of "
        "the same sign (not opposite). No number is turned. Against "
        "attribution patching alone: x is the estimate, y the exact effect, for the top cells, the bottom cells and a "
        "random sample; points far from the diagonal are misses.",
        "As in the sweep.",
        "that of the metric. r and ρ run from −1 to 1; 1 = on a rising line, −1 = on a falling one.",
    )),
    ids.STRIP: Help(
        "one point per prompt: effect of the selected cell",
        "How the selected cell's effect spreads over the prompts; the line is the mean. Click a point to show that "
        "prompt everywhere. Move over the map to see other cells. The interval takes prompts to be independent, which "
        "pairs of the same two texts (IOI template) are not.",
        "As in the sweep.",
        "that of the metric.",
    ),
    ids.PATHS: Help(
        "Δ_A  = (z_A[other prompt] − z_A[run]) · W_O[A]\n"
        "path = M(receiver reads q, k or v of ln1(resid_pre + Δ_A)) − M(run)",
        "Which earlier heads A feed the receiver, which is the primary head, or the one that is held. Each cell is one "
        "direct edge: the receiver alone reads A as on the pair's other prompt, everything else, MLPs between them "
        "included, sees A as it is (TransformerLens' get_act_patch_direct_path). The IOI paper's version also lets "
        "the MLPs in between carry the change, so its numbers differ. Denoise runs the corrupted prompt, noise the "
        "clean one. Where heads share keys and values, k and v are the key-value head's, which all its heads read "
        "(diamonds). From the receiver's layer on there are no paths: those places are left out, they are not 0.",
        "On the logit difference. Denoise: blue, the path is enough to restore some of the answer. Noise: red, the "
        "answer needs the path.",
        "that of the metric chosen in the sweep; recovered has none. A hatched cell is not computed yet.",
    ),
    ids.HEAD_CARD: Help(
        "differs much:  |here − background| > s\n"
        "s = standard deviation, over all heads of the model, on background texts",
        "On top its pattern on this prompt beside one on a background text (‹ › change the text), and the tokens that "
        "its output at the last position promotes and suppresses, in logits against the vocabulary's mean. Below "
        "every number of the head: direct attribution and the effects that were swept; how it attends and how "
        "much it writes, means over the positions after the first, on this prompt beside background texts that come "
        "with the app; scores on random tokens that come twice and of its weights. Where the two differ by more than "
        "heads differ from each other (≠), a role read off this prompt alone would mislead. Statistics are of the run "
        "on screen, background texts and scores of the model as it is. Point at a row for what 0 and 1 mean.",
        "Attributions: positive helps the answer. Ablations: negative means the head helped. Statistics have no sign, "
        "except in a difference, which background texts are not compared to.",
        "beside each number.",
    ),
    ids.DIRECTION_CARD: Help(
        "promotes: LN_final(d) · W_U at a final scale of 1, minus its mean over the vocabulary\n"
        "nearest embeddings: cos(d, row of W_E)   d of length 1",
        "How the direction that is looked at was made, on this model without interventions, and how well: "
        "variance explained of a component, accuracy of a probe on samples held out, beside the same with shuffled "
        "labels, which it must beat. Below, how near the other directions of the library are (click one to look at "
        "it), and the tokens nearest to it. A run's own logits move by the number times what is added, divided by the "
        "run's final scale.",
        "Logits: positive is promoted. Cosine: 1 is the same way, −1 the opposite, 0 at right angles.",
        "logits per unit of the direction; cosine −1..1",
    ),
    ids.HEAD_READING: Help(
        "score = q · k / √d_head = content + positional,  A = softmax(score)\n"
        "writes per unit of attention: (v_k W_O) / σ · W_U, centred over the vocabulary",
        "Left: why the selected query (the last token where none is selected) attends to each key. Content is the "
        "score as if the key stood at the query's place (rotary), or without what goes through learned positions; "
        "positional is the rest. Only differences between keys of one query mean anything. Right: what the head writes "
        "when it attends there: the tokens promoted (▲) and suppressed (▼) most, with the run's own final scale. Later "
        "layers may change that. Click a token in the rail to choose another query.",
        "Scores: higher attracts attention. Logits: positive is promoted.",
        "scores as they enter the softmax; attention from 0 to 1; logits per unit of attention, on hover times it.",
    ),
    ids.SELF_REPAIR: Help(
        "repaired  = LD(after) − LD(before) − removed\n"
        "rescaling = Σ other components · (σ_before / σ_after − 1)",
        "What the interventions take away directly, and what the rest of the model puts back: because the final norm "
        "divides by less, through other heads, through MLPs. Each head's direct attribution before and after, each "
        "with its own run's final scale.",
        "Positive parts repair, negative ones add to the damage; removed is negative where the answer lost support.",
        "logits. 0 = not repaired.",
    ),
    ids.GENERATION: Help(
        "t_i ~ softmax(logits / temperature),  temperature 0: the largest",
        "Text continued from the prompt on screen, without and with the interventions, token by token; from the first "
        "token that differs the two are different texts. Interventions named by position hold at these positions only.",
        "Tokens are shaded by the probability the model gave them.",
        "hover: probability, at temperature 1.",
    ),
    ids.PROJECTION: Help(
        "projection = a · d̂,   cosine = a · d̂ / |a|,   |d̂| = 1",
        "How far the activation of each layer points along the direction at every token of the prompt on screen. The "
        "activation is read before any norm; what attention and MLP add (attn_out, mlp_out) and resid_pre sum to "
        "resid_post. Click a cell to choose the place that the other panels look at. The first token is often far "
        "longer than the others: colours go up to the largest of the others.",
        "Blue: along the direction; red: against it. 0 = at right angles to it.",
        "that of the residual stream; a cosine runs from −1 to 1.",
    ),
    ids.DISTRIBUTION: Help(
        "AUC = P(projection of one group > of the other) + ½ P(equal)\n"
        "d′  = (mean₁ − mean₂) / √((s₁² + s₂²) / 2)",
        "The same number at one place, after the selected layer (else the direction's own, else the last) at the "
        "selected token (else the last), for every prompt of the set. Filled points are clean prompts, open ones "
        "corrupted; the line is the mean of a row. By answer, a corrupted prompt is answered by its pair's other "
        "answer; by a label (an extra column of the prompt set), both prompts of a pair are in one row. "
        "Interventions hold in both prompts of a pair. Click a point to show its prompt everywhere. A direction "
        "made from these prompts tells them apart better than it would new ones.",
        "AUC: above 0.5, the upper group lies further along the direction; 1 = all of it.",
        "that of the projection. AUC 0.5 and d′ 0 = the groups do not differ.",
    ),
    ids.STRENGTH: Help(
        "metric(s): add a ← a + s·d̂   (unit: s × |a|)\n"
        "clamp a ← a + (s − a·d̂)·d̂,  project out a ← a − s·(a·d̂)·d̂\n"
        "swap a ← a + s·((a_other − a)·d̂)·d̂",
        "One run of the prompt on screen per strength, changed along the direction at one place, on top of the run "
        "that is shown. The place: the layer chosen, else as the bar above: after the layer selected last, else where "
        "the direction was made, else after the last. Thin grey lines: the same numbers along random directions at "
        "right angles; an effect that they share is one of any push of that size. A swap takes from the pair's other "
        "prompt, 1 all of the way, and its placebos move every token as far as it does. Dotted: the run without the "
        "change. With texts, hover or click a strength to read its greedy continuation. What was computed stays after "
        "Cancel and is gone on from.",
        "that of the metric. KL is from the run without the change.",
        "that of the metric; strength in units of the stream, × |a| of each token, or the share taken out or swapped.",
    ),
    ids.WRITERS: Help(
        "resid_post_l · d̂ = embed · d̂ + pos_embed · d̂ + Σ attn_out · d̂ + Σ mlp_out · d̂\n"
        "attn_out = Σ_h z_h W_O + b_O,   mlp_out = Σ_n post_n W_out[n] + b_out",
        "Everything that was written into the stream up to the selected layer, at the selected token: the sum of the "
        "bars (and of those that are not shown) is the projection of the stream, which is read apart; the error is "
        "their difference. No norm is applied. Left the heads, right all components by size; an MLP says on hover "
        "which of its neurons write most. Unwritten is what an intervention put there. Click selects the head "
        "everywhere.",
        "Blue: writes along the direction; red: against it.",
        "that of the residual stream. 0 = writes nothing along it.",
    ),
    ids.READERS: Help(
        "norm = |Wᵀ d̂| / (|W|_F / √d_model),   z = (norm − mean of random d̂) / their standard deviation",
        "How much of the direction gets through the weights that read the stream: queries, keys and values of every "
        "head and the input (and gate) of every MLP, the norm before them folded in. Heads that share keys and values "
        "have one column. Random directions are measured in the same way: within |z| < 2 a reader sees no more of it "
        "than of anything. It says what can be read, not what is made of it on this prompt.",
        "Blue: reads more of it than of a random direction; red: less.",
        "norm: 1 = as much as of a random direction; z: standard deviations.",
    ),
}  # fmt: skip
KEYS: tuple[tuple[str, str], ...] = (
    ("← ↑ → ↓", "move the primary head, or the token"),
    ("1 2 3 4 5", "workspaces"),
    ("a", "ablate the selected heads"),
    ("e", "add an intervention of any kind"),
    ("o", "open a session, a recipe or an exported figure; a file can also be dropped on the page"),
    ("d", "make a direction, of what is selected"),
    ("c", "Cut: mark attention edges on the matrix, then knock them out"),
    ("x", "mark the edges from the last selected token to the other selected ones"),
    ("Ctrl drag", "zoom into a box of the attention map; a double click shows all"),
    ("r", "write which queries and keys the attention map shows"),
    ("p", "pin the primary head"),
    ("z / y", "undo / redo"),
    ("h", "history of runs, or back to the experiment"),
    ("f", "maximise the panel under the pointer"),
    ("/", "go to the prompt"),
    ("Ctrl Enter", "run"),
    ("Esc", "clear the selection, or leave cutting or a maximised panel"),
    ("?", "this list"),
)
