"""The words of the mapping, as data: extend a list here and every rule that reads it follows.

Surveyed from the sources of 52 writers (see docs/mapping.md). A list is one string, so that it reads as words.
"""

from __future__ import annotations

from itertools import product
from typing import Final


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_PHRASES: Final = """
    cross entropy: cross/x/crossed entropy/ent/entropie | heldout: held/hold out | lr: learning rate | top k: top k
    nll: negative/neg log likelihood | epcost: ep/episode/episodic cost | return: ep/episode/episodic ret
    winrate: win rate/ratio | hitrate: hit rate/ratio | map: mean average precision, mean ap
    ap: average precision | pq: panoptic quality | iou: intersection over union, jaccard index | miou: mean iou
    dice: dice coefficient/coef/similarity | f1: f score/measure/beta | concordance: c index
    auc: area under curve/roc, area under the curve/roc
    wer: word error | cer: character/char error | ter: translation edit/error | eer: equal error | em: exact match
    fid: frechet/fréchet inception distance | kid: kernel inception distance | fvd: frechet/fréchet video distance
    inceptionscore: inception score | clipscore: clip score | bertscore: bert score | mos: mean opinion score
    psnr: peak signal noise ratio, peak signal to noise ratio | ssim: structural similarity, ssim index/measure
    r2: r squared/square, coefficient of determination | mae: mean absolute error | mse: mean squared/square error
    rmse: root mean squared/square error, root mse | rmsle: root mean squared/square log/logarithmic error
    mape: mean absolute percentage error | smape: symmetric mean absolute percentage error, symmetric mape
    mase: mean absolute scaled error | wape: weighted absolute percentage error | ece: expected calibration error
    ndcg: normalized/normalised discounted cumulative gain, normalized/normalised dcg | mrr: mean reciprocal rank
    mrr: inverse harmonic mean rank | mcc: matthews corr/correlation, mcc coef/coefficient
    sisdr: si sdr | sisnr: si snr
    spearman: spearman rank/corr/correlation/coef/coefficient | pearson: pearson corr/correlation/coef/coefficient
    bpc: bits per character/char | bpb: bits per byte | bpd: bits per dimension/dim
"""
PHRASES: Final = {
    tuple(phrase): word.strip()
    for word, _, phrases in (one.partition(":") for line in _PHRASES.split("\n") for one in line.split("|"))
    for alternatives in phrases.split(",")
    for phrase in product(*(part.split("/") for part in alternatives.split()))
}
"""Words that mean something else together, and the one word that they become: ``word error`` is ``wer``."""

ACCURACY: Final = _words("accuracy acc accu 准确率 正确率 精度 正解率 정확도 genauigkeit exactitud exactitude") | {
    "top 1",
    "prec 1",
}
LOSS: Final = _words("loss cost xent xentropy ce nll bce logloss 损失 損失 손실 verlust perte pérdida") | {
    "cross entropy"
}
_QUALITIES: Final = """
    reward: reward rew | return: return | success rate: success | win rate: winrate | Elo: elo | mAP: map | mIoU: miou
    Dice: dice dsc | IoU: iou jaccard | F1: f1 fscore hmean fbeta | AUC: auc auroc roc | CIDEr: cider
    BLEU: bleu sacrebleu | ROUGE: rouge | WER: wer | CER: cer | TER: ter | METEOR: meteor | chrF: chrf
    BERTScore: bertscore | FID: fid | KID: kid | FVD: fvd | inception score: inceptionscore
    CLIP score: clipscore | PSNR: psnr | SSIM: ssim | LPIPS: lpips | R2: r2 rsquared | MAE: mae | RMSE: rmse nrmse
    MSE: mse | MAPE: mape | SMAPE: smape | RMSLE: rmsle | MASE: mase | WAPE: wape | NDCG: ndcg | MRR: mrr
    hit rate: hitrate | MCC: mcc | kappa: kappa qwk | exact match: em | PESQ: pesq | STOI: stoi | SDR: sdr
    SI-SDR: sisdr | SI-SNR: sisnr | MOS: mos | EER: eer | PCK: pck | EPE: epe | Hausdorff: hausdorff
    concordance: concordance | LAS: las | UAS: uas | ELBO: elbo | perplexity: perplexity ppl
    bits per character: bpc | bits per byte: bpb | bits per dimension: bpd | Spearman: spearman spearmanr
    Pearson: pearson pearsonr | correlation: correlation corr | AP: ap | PQ: pq | AUPRC: auprc | Brier: brier | ECE: ece
    precision: precision prec | recall: recall ar | error: error err wrong
"""
QUALITIES: Final = {
    word: name.strip()
    for name, _, names in (one.partition(":") for line in _QUALITIES.split("\n") for one in line.split("|"))
    for word in names.split()
}
"""Qualities of the whole, by word, with the name of their columns; of two that R9 finds equal the first is taken."""

SCORE: Final = "score"
"""The quality of an evaluation that names none."""

UNNAMED: Final = _words("mean median average avg score metric result overall final")
"""Beside these alone a held-out word is an evaluation that names no metric: ``eval/mean``."""

QUALITY_NAMES: Final = (*dict.fromkeys(QUALITIES.values()), SCORE)

SUPPORTING: Final = ("precision", "recall", "error", SCORE)
"""Qualities that are looked at after any other: each tells half of a story, or does not say which."""

LOSS_TERMS: Final = _words("reward return Dice IoU mIoU SSIM LPIPS MAE RMSE MSE MAPE SMAPE RMSLE MASE WAPE error")
"""Qualities that are terms of a loss where a loss's word stands before them: ``Loss/dice``."""

INTERNAL: Final = _words("td bellman cardinality cache")
"""An error or a hit rate beside one of these is the training's objective or the machine's, not the model's worth."""

EARNED: Final = ("reward", "return", "success rate", "win rate", "Elo")
"""Qualities that an agent earns while it is trained, so that one that says no split is of the training."""

OTHER: Final = _words(
    """
    giou per_phone hit lr lrate norm scale time runtime
    sec second speed fps throughput divergence kl kld entropy fitness ratio momentum
    coef coefficient factor gap diff difference delta threshold count likelihood temperature epcost
    memory mem flop mfu frac fraction clipfrac clip explained
    """
)
"""Further metrics: where one is the right-most metric word, the tag is no accuracy, no loss and no quality."""

NO_QUALITY: Final = _words(
    "lr lrate time runtime sec second speed fps throughput memory mem scale norm momentum coef coefficient factor"
)
"""Those of them that do not say how good a model is."""

TRAIN: Final = _words(
    "train training trn tr learn trains trained traning trainning trian traing tarin"
    " 训练 訓練 学習 학습 훈련 entrenamiento entraînement"
)
VAL: Final = _words(
    "val valid validation validate validating vld va eval evaluation evaluate evaluating evaluator evals dev heldout"
    " 验证 検証 검증 validierung validación vali valing vaild vaildation valiation validaiton holdout cv"
)
TEST: Final = _words("test testing tst te tested 测试 テスト 시험")
SPLITS: Final = {**dict.fromkeys(TRAIN, "train"), **dict.fromkeys(VAL, "val"), **dict.fromkeys(TEST, "test")}

NOT_IN_PATHS: Final = _words("cv te va tr")
"""Split words that mean something else as a directory's name."""

VETO: Final = _words(
    "best max min maximum minimum std stddev var variance hparam hparams hp weight gradient grad histogram baseline"
)
"""A tag with one of these is never a column: a record, a spread, a hyperparameter, a parameter's statistics."""

ERRORS: Final = _words("error err wrong")
"""An accuracy beside one of these is an error rate; it is not inverted."""

COMPONENT: Final = _words(
    """
    aux auxiliary reg regularization regularisation regularizer regularize regularised regularized kl kld l1 l2
    adv adversarial gan gen generator disc discriminator critic actor d g recon reconstruction rec box bbox dfl
    obj objectness mask rpn loc localization localisation giou iou value policy vf pi pg entropy coef alpha
    temperature distill distillation kd vq codebook commit commitment mel duration dur pitch postnet stopnet mse
    mae rmse huber smoothl1 l1smooth z router balance balancing moe penalty gp orth orthogonal sparsity tv
    perceptual style content cycle idt identity feat fm contrastive triplet keypoint kpt landmark centerness
    depth mimic gate energy dist surrogate q qf q1 q2 decay consistency prior bound fake real curiosity icm rnd gail
    intrinsic
    """
)
"""One term of a sum: with one of these from the metric's own path segment on, a loss is never used."""

TOTAL: Final = _words("total tot overall combined")
"""A loss with one of these is the whole, and others beside it are its terms."""

CROSS_ENTROPIES: Final = _words("xent xentropy ce bce logloss") | {"cross entropy"}
"""A loss with one of these is a cross entropy by its own name."""

LOSS_KINDS: Final = CROSS_ENTROPIES | {"nll"}
"""A loss with one of these may be a term of the whole; one without is the whole, as one that says so."""

BEFORE_LOSS: Final = _words("a c p")
"""Letters that name one term only right before the word: ``a_loss`` is the actor's."""

ADVERSARIES: Final = _words("d g disc discriminator generator fake real")
"""An accuracy beside one of these is that of one player of a game, not of the model."""

NEUTRAL: Final = _words(
    """
    avg average averaged mean total overall sum running smooth smoothed raw perf performance metric stat
    statistic log logging logger lm ray tune reduced categorical sparse binary multiclass multi class softmax
    sigmoid logit with from scalar summary result history plot curve graph monitor score value main global final
    net model set data dataset phase mode split on at of the in for and end full rate event tb tensorboard info
    report per tracker tracking output batchwise mini percent percentage pct all tot combined aggregate
    aggregated rollout collect chart ep episode episodic env environment cumulative undiscounted
    """
)
"""Words that say nothing about which series it is: they cost nothing when one of several must be chosen."""

EPOCH: Final = _words("epoch")
STEP: Final = _words("step batch minibatch iter iteration current itr update tick")

PATH_NEUTRAL: Final = _words(
    "inner set data dataset log summary event tb tensorboard writer dir metric inference infer during online split"
    " scalar loss acc accuracy result"
)
"""Words that may stand beside a split word in a directory's name without making it the name of something else."""

NUMBERED: Final = _words("f1 l1 l2 r2 q1 q2 smoothl1 l1smooth")
"""Words whose digit belongs to them."""

GLUE: Final = _words("tr ce lr kl") | NUMBERED
"""Words of two letters that may be glued to others (``celoss``); longer ones all may."""

KNOWN: Final = frozenset(
    word
    for words in (ACCURACY, LOSS, QUALITIES, OTHER, SPLITS, VETO, COMPONENT, NEUTRAL, EPOCH, STEP, PATH_NEUTRAL)
    for word in words
    if " " not in word
) | _words("loader top cross held out ent learning")
"""Every word that a rule knows: what glued words are split into."""
