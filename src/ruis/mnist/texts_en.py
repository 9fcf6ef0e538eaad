"""The report in English."""

from __future__ import annotations

from ruis.mnist import texts as t

__all__ = ["TEXTS"]

WORDS = t.Words(
    clean="clean",
    noisy="noisy",
    denoised="denoised",
    reconstruction="reconstruction",
    heat_map="heat map",
    dense="dense",
    convolutional="convolutional",
    plain="plain",
    shuffled="shuffled",
    training="training",
    validation="validation",
    reconstructing="reconstructing",
    denoising="denoising",
    epoch="epoch",
    loss="loss",
    floor="floor",
    psnr="PSNR (dB)",
    ssim="SSIM",
    seconds="seconds",
    layer="layer",
    shape="shape",
    weights="weights",
    filters="filters",
    maximum="maximum",
    average="average",
    sum="sum",
    normal="normal",
    unusual="unusual",
    score="score",
    threshold="threshold",
    digits="digits",
    autoencoder="autoencoder",
    pca="PCA",
    forest="isolation forest",
)

PAGE = t.Page(
    title="How a network learns to remove noise",
    lead=t.paragraphs("""
        A convolutional autoencoder is taught handwritten digits, step by step: first to give them
        back, then to free them from noise. Every figure, and every number that is not said to be
        the article's, was made by the run that made this page.
    """),
    contents="Contents",
    article="After the article “Convolutional Autoencoders for Image Noise Reduction”.",
    quick="This page was made quickly: few epochs, in small batches, with an optimizer that needs no "
    "more. What comes out is blurred, and says little about what the network can do.",
    made="Made by ruis {version} in {minutes} minutes on {processor}, with seed {seed}.",
)

DATA = t.Data(
    heading="The digits",
    text=t.paragraphs("""
        MNIST is a collection of handwritten digits: 60,000 images to learn from and 10,000 to be
        tested with, each of 28 rows and 28 columns. A pixel is one byte, 0 for the paper and 255
        for the ink; divided by 255 it becomes a number from 0 to 1. No other preparation is
        needed.

        The test images play no part in any choice. What has to be chosen on the way is chosen by
        training images that were held out.
    """),
    figure="The first ten test digits: {labels}.",
    note="Used here: {train} images to learn from, {held_out} held out and {test} to be tested "
    "with, from {source}.",
    note_package="These are the first 5,000 + 1,000 images of the set, which ship with ruis. "
    "Expect other numbers from the whole set.",
)

COLUMN = t.Column(
    heading="An image as a column of numbers",
    text=t.paragraphs("""
        A dense layer knows no rows and columns. So the image is cut into its rows, and the rows
        are put one after the other: 28x28 pixels become a column of 784 numbers.

        A dense autoencoder squeezes that column through ever smaller layers into a short code,
        and makes 784 numbers of the code again. It is trained to give back what it was given, and
        the shorter the code, the more it must rely on what digits have in common.
    """),
    figure="The digit {label} as an image, and as a column of 784 numbers.",
    figure_result="Ten test digits (top), and what the dense autoencoder gives back (bottom).",
    note="Layers of {layers} units, {parameters} weights, {epochs} epochs: PSNR {psnr} dB and "
    "SSIM {ssim} on the test images.",
)

STACKING = t.Stacking(
    heading="What stacking loses",
    text=t.paragraphs("""
        The article calls stacking “a great loss of information”. Not one value is lost; what the
        network is no longer told is which pixels are neighbours. Whether that matters can be
        measured.

        A dense and a convolutional autoencoder get a code of the same length, {units} numbers,
        and the same budget. Then both start again with shuffled digits: all pixels change places,
        in the same way in every image. To a dense layer this is just another order of its inputs.
        A convolution looks at neighbours, and now finds strangers.
    """),
    budget="The budget: {epochs} epochs over {images} images. The dense one has "
    "{dense_parameters} weights, the convolutional one {convolutional_parameters}.",
    figure="Test digits (top), and the same digits with their pixels shuffled (bottom).",
    figure_result="What both give back; shuffled digits are shown with their pixels put back in "
    "place.",
    table="PSNR on the test images, in dB.",
    plain_dense="On plain digits the dense one is ahead: {dense} dB against {convolutional} dB. "
    "Images this small do not need convolutions.",
    plain_level="On plain digits neither is ahead: {dense} dB dense, {convolutional} dB "
    "convolutional. A difference below {tolerance} dB says nothing.",
    plain_convolutional="On plain digits the convolutional one is ahead: {convolutional} dB "
    "against {dense} dB.",
    dense_same="The dense one does not notice the shuffling: {plain} dB before, {shuffled} dB "
    "after.",
    dense_changed="The dense one went from {plain} dB to {shuffled} dB. The order of its inputs "
    "cannot be the reason: in another order the same random weights are another start.",
    convolutional_worse="The convolutional one suffers: {plain} dB before, {shuffled} dB after. "
    "What it relied on was that neighbouring pixels belong together.",
    convolutional_unhurt="The convolutional one does not suffer: {plain} dB before, {shuffled} dB "
    "after.",
    confirmed="So neighbourhoods are worth something to the network that can see them, and a "
    "dense network never sees them. That is the loss the article means; what it costs depends "
    "on the images.",
    open="So this run does not show the loss that the article speaks of. Longer training or more "
    "images may.",
)

CUBES = t.Cubes(
    heading="From a flat image to cubes",
    text=t.paragraphs("""
        Each level of the encoder makes the image smaller and describes every place by several
        features. The flat image becomes a cube: rows, columns, and one channel for each feature.

        The smallest cube is the code, unless a dense layer squeezes it further, into a handful of
        numbers. The decoder leads from the code back to an image. It often mirrors the encoder,
        but need not.
    """),
    figure="The cubes of the network, drawn to scale: rows and columns as height and width, "
    "channels as depth.",
    table="The layers, the shape that each makes, and its weights.",
    note="{parameters} weights in all. The image has {pixels} numbers, the code {code}.",
    note_presets="The article's text promises a hidden layer of 10 units, its notebook has none. "
    "Both were trained: {psnr_hidden} dB with the hidden layer ({parameters_hidden} weights), "
    "{psnr_notebook} dB as in the notebook ({parameters_notebook} weights).",
)

FEATURES = t.Features(
    heading="What the network looks for",
    text=t.paragraphs("""
        A filter is a small pattern of weights that slides over the image. At every place pixels
        and weights are multiplied and added up: the more the place looks like the pattern, the
        higher the result. The results of all places form a feature map.

        Filters of the first layer can be looked at as they are. Deeper ones join many channels,
        so there the maps tell more than the weights.
    """),
    figure_filters="The {count} filters of layer {layer}, {kernel}x{kernel} weights each.",
    figure_match="One filter sliding over the digit {digit}: bright where it fits.",
    figure_maps="The feature maps of layer {layer} for the digit {digit}.",
)

STEPS = t.Steps(
    heading="Padding, stride, ReLU and pooling",
    text=("Four small decisions, each shown on the digit {digit}.",),
    padding="At the border a kernel needs pixels that are not there. With `same`, zeros are put "
    "around the image, and as many pixels come out as went in. With `valid`, the kernel stays "
    "inside, and the image gets smaller. In the original only one carefully placed `valid` makes "
    "28 pixels come out again; here every size closes, because the image is padded before and "
    "the result cropped after.",
    padding_figure="The same filter with `same` (left) and with `valid` (right).",
    padding_note="A kernel of {kernel}x{kernel} makes {same} of {before} with `same`, and "
    "{valid} with `valid`.",
    stride="The stride is the number of pixels by which the filter moves on. With a stride of 2 "
    "it skips every other row and column, and the result has half the height and half the width. "
    "That can take the place of pooling.",
    stride_figure="The same filter with strides of {strides}.",
    stride_note="A stride of {stride} makes {after} of {before}.",
    relu="ReLU sets negative values to zero and keeps the others. Without such a bend between "
    "them, two convolutions could be replaced by one.",
    relu_figure="A feature map before ReLU (left) and after it (right).",
    relu_note="{share} % of its values were negative, and are zero now.",
    pooling="Pooling turns each window of {size}x{size} values into one. The maximum keeps the "
    "strongest response, wherever in the window it is; the average keeps the mean brightness; "
    "the sum adds up what is there.",
    pooling_figure="A feature map after pooling by maximum, by average and by sum.",
    pooling_note="{before} become {after}.",
    sum_border="Keras has no layer for the sum. The average times the window's area is wrong "
    "where a window reaches over the border, because Keras divides by the values that are really "
    "there: {wrong} instead of {right} in a corner where every value is 1.",
)

TRAINING = t.Training(
    heading="Training",
    text=t.paragraphs("""
        The network gets a batch of digits, its results are compared with the targets, and every
        weight is moved a little to where the loss is smaller. When all images have had their
        turn, an epoch is over.

        Beside the loss stand two measures that can be compared between losses: PSNR, which says
        in decibels how small the squared error is, and SSIM, which says how alike the structures
        are and is 1 for equal images.
    """),
    figure_loss="The loss after each epoch, on the training images and on those held out.",
    figure_psnr="The PSNR of the images held out, after each epoch.",
    figure_time="The same PSNR, by the time that was spent on training.",
    note="{optimizer}, {epochs} epochs in batches of {batch}, {seconds} seconds. Validation loss "
    "from {first} to {last}, the best {best}; PSNR {psnr} dB.",
    floor="Binary cross-entropy on gray targets cannot reach zero: a pixel of 0.5 costs 0.693 "
    "even if the network says exactly 0.5. The floor is the mean entropy of the targets, {floor} "
    "here; what can still be gained is only the {above} above it.",
    original="The original notebook reports a validation loss of {loss} after {epochs} epochs "
    "over 60,000 images. Its validation images were the test images.",
)

RECONSTRUCTION = t.Reconstruction(
    heading="Ten digits, given back",
    text=t.paragraphs("""
        Clean digits go in, and clean digits should come out. No noise is removed here; the figure
        shows how much of a digit gets through the code.
    """),
    figure="Ten test digits (top) and their reconstructions (bottom).",
    note="On {images} test images: PSNR {psnr} dB, SSIM {ssim}.",
)

NOISE = t.Noise(
    heading="Adding noise",
    text=t.paragraphs("""
        To every pixel a random number is added, drawn from a normal distribution with a standard
        deviation of {sigma}; what falls below 0 or above 1 is set to 0 or 1. The noise follows
        from the seed, so it is the same for whoever makes this page again.
    """),
    other="Noise is added to every digit: `{noise}`. It follows from the seed, so it is the same for "
    "whoever makes this page again.",
    figure="The same ten digits, noisy.",
    note="Noisy against clean: PSNR {psnr} dB, SSIM {ssim}. That is what doing nothing gives.",
)

DENOISED = t.Denoised(
    heading="Ten noisy digits, denoised",
    text=t.paragraphs("""
        Now noisy digits go in, and the clean ones are the target.

        Below each noisy digit stands the model's output on that noisy digit. Neither the digit
        nor its noise was part of the training.
    """),
    continued="The network is the one that learnt to give digits back, and its optimizer goes on "
    "where it was.",
    fresh="The network starts from random weights.",
    figure="Ten noisy test digits (top), and the model's output on the noisy input (bottom).",
    scores="{psnr} dB / {ssim}",
    note="On {images} noisy test images PSNR rises from {noisy_psnr} to {psnr} dB, and SSIM goes "
    "from {noisy_ssim} to {ssim}.",
    note_worse="On {images} noisy test images the result is no better than the input: PSNR "
    "{noisy_psnr} dB before, {psnr} dB after, SSIM {noisy_ssim} and {ssim}. This network has not "
    "learnt enough.",
)

STUDY = t.Study(
    heading="How many filters?",
    text=t.paragraphs("""
        More filters can find more features, and cost more time. The article's advice is to use as
        few as possible, so {count} networks with different numbers of filters were trained alike,
        and judged by images held out.
    """),
    figure="Each point is one network: the time it took to train, and the PSNR it reached.",
    found="The smallest network that reaches {wanted} dB has {filters} filters and {parameters} "
    "weights: {psnr} dB after {seconds} seconds.",
    none="None of the {count} networks reaches {wanted} dB. The best has {filters} filters and "
    "{parameters} weights: {psnr} dB after {seconds} seconds.",
)

PRETRAINED = t.Pretrained(
    heading="Networks that have learnt already",
    text=t.paragraphs("""
        Ten networks that learnt from the photographs of ImageNet can be reused: Xception, VGG16,
        VGG19, ResNet50, InceptionV3, InceptionResNetV2, MobileNet, DenseNet, NASNet and
        MobileNetV2. Each can be the encoder of an autoencoder, frozen or learning on, or the
        judge in a perceptual loss, which compares features instead of pixels.

        That can help where images are few and look like photographs. Small digits, white on
        black, do not look like photographs; and a network made to name things may forget the fine
        detail that a denoiser must give back.

        Without its weights such a network knows nothing. They come from a file of your own or
        from Keras' download; where neither is there, ruis says so.
    """),
    not_measured="Not measured on this page: it needs weights that others trained.",
)

ANOMALY = t.Anomaly(
    heading="Finding what does not belong",
    text=t.paragraphs("""
        An autoencoder that has seen only one digit, the {digit}, should give back that digit
        better than any other. If it does, the error of its reconstruction tells how unusual an
        image is, and a heat map shows where.

        AUROC is the chance that an unusual digit gets a higher score than a normal one: 1 is
        perfect, 0.5 is guessing. PCA, which is an autoencoder without any bends, and an isolation
        forest were given the same digits.
    """),
    figure_again="Test digits (top), and what comes out of the network that knows the {digit} "
    "alone (bottom).",
    figure_heat="The same digits, with heat maps of the error.",
    figure_scores="The scores of normal and of unusual test digits. The threshold is exceeded by "
    "{share} % of the normal digits that were used to set it.",
    note="AUROC: autoencoder {autoencoder}, PCA {pca}, isolation forest {forest}.",
    ahead="Here the autoencoder tells them apart best.",
    behind="Here {best} does better than the autoencoder: measure the simple ways first.",
)

DEFECTS = t.Defects(
    heading="Seven things put right",
    text=(
        "The preset `article-notebook` follows the article's own notebook, except where that is wrong.",
    ),
    seven=t.paragraphs("""
        Its “denoised” figure shows the network's output on clean images, printed under the noisy
        ones; here the output is that on the noisy images.

        In today's Keras the name `adadelta` means a learning rate of 0.001, with which the
        network hardly learns; it meant 1.0 when the notebook was written, and does again in that preset.

        Text and figure promise a hidden layer of 10 units, the notebook has none; here both
        networks can be trained and compared.

        The text speaks of kernels of 2x2, the notebook uses 3x3; here each network has its own,
        and the size is a parameter.

        The test set was also the validation set; here choices are made by held-out training
        images, and the test images are for the final scores.

        The encoder's code as published is a syntax error; here it runs, and is tested.

        Binary cross-entropy on gray targets does not go down to zero, so its value says little;
        here PSNR and SSIM stand beside it.
    """),
)

AGAIN = t.Again(
    heading="Make this page again",
    text=("This command makes the page, with all its figures and numbers:",),
    note="It needs `ruis[train,mnist]`. The same seed gives the same noise, the same first weights and "
    "the same order of images; times, and the last digits of some numbers, depend on the "
    "computer.",
)

TEXTS = t.Texts(
    language="en",
    thousands=",",
    decimal=".",
    words=WORDS,
    page=PAGE,
    data=DATA,
    column=COLUMN,
    stacking=STACKING,
    cubes=CUBES,
    features=FEATURES,
    steps=STEPS,
    training=TRAINING,
    reconstruction=RECONSTRUCTION,
    noise=NOISE,
    denoised=DENOISED,
    study=STUDY,
    pretrained=PRETRAINED,
    anomaly=ANOMALY,
    defects=DEFECTS,
    again=AGAIN,
)
