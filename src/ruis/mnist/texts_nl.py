"""The report in Dutch."""

from __future__ import annotations

from ruis.mnist import texts as t

__all__ = ["TEXTS"]

WORDS = t.Words(
    clean="schoon",
    noisy="met ruis",
    denoised="ontruist",
    reconstruction="reconstructie",
    heat_map="warmtekaart",
    dense="volledig verbonden",
    convolutional="convolutioneel",
    plain="gewoon",
    shuffled="gehusseld",
    training="leren",
    validation="validatie",
    reconstructing="teruggeven",
    denoising="ontruisen",
    epoch="ronde",
    loss="verlies",
    floor="ondergrens",
    psnr="PSNR (dB)",
    ssim="SSIM",
    seconds="seconden",
    layer="laag",
    shape="vorm",
    weights="gewichten",
    filters="filters",
    maximum="hoogste",
    average="gemiddelde",
    sum="som",
    normal="normaal",
    unusual="afwijkend",
    score="afwijkingsscore",
    threshold="drempel",
    digits="cijfers",
    autoencoder="auto-encoder",
    pca="PCA",
    forest="isolation forest",
)

PAGE = t.Page(
    title="Hoe een netwerk ruis leert verwijderen",
    lead=t.paragraphs("""
        Een convolutionele auto-encoder leert stap voor stap met geschreven cijfers omgaan: eerst
        ze teruggeven, dan ze van ruis ontdoen. Alle figuren, en alle getallen waar niet bij staat
        dat ze van het artikel zijn, komen uit de run die deze pagina maakte.
    """),
    contents="Inhoud",
    article="Naar het artikel “Convolutional Autoencoders for Image Noise Reduction”.",
    quick="Deze pagina is vlug gemaakt: weinig rondes, in kleine groepjes, met een optimizer die er "
    "niet meer nodig heeft. Wat eruit komt is vaag, en zegt weinig over wat het netwerk kan.",
    made="Gemaakt met ruis {version} in {minutes} minuten op {processor}, met startgetal {seed}.",
)

DATA = t.Data(
    heading="De cijfers",
    text=t.paragraphs("""
        MNIST is een verzameling handgeschreven cijfers: 60.000 plaatjes om van te leren en 10.000
        om mee te toetsen, elk van 28 rijen en 28 kolommen. Een pixel is één byte, 0 voor het
        papier en 255 voor de inkt; gedeeld door 255 wordt dat een getal van 0 tot 1. Meer
        voorbereiding is er niet.

        De testplaatjes spelen bij geen enkele keuze mee. Valt er onderweg iets te kiezen, dan
        beslissen leerplaatjes die daarvoor apart zijn gehouden.
    """),
    figure="De eerste tien testcijfers: {labels}.",
    note="Hier gebruikt: {train} plaatjes om van te leren, {held_out} apart gehouden en {test} om "
    "mee te toetsen, uit {source}.",
    note_package="Dit zijn de eerste 5.000 + 1.000 plaatjes van de verzameling, die bij ruis "
    "worden meegeleverd. Met de hele verzameling komen er andere getallen uit.",
)

COLUMN = t.Column(
    heading="Een plaatje als kolom getallen",
    text=t.paragraphs("""
        Een volledig verbonden laag (dense layer) kent geen rijen en kolommen. Het plaatje wordt
        daarom in rijen geknipt, en die komen achter elkaar: 28x28 pixels worden een kolom van 784
        getallen.

        Een volledig verbonden auto-encoder perst die kolom door steeds kleinere lagen tot een
        korte code, en maakt van de code weer 784 getallen. Hij leert terug te geven wat hij
        kreeg, en hoe korter de code, hoe meer hij moet steunen op wat cijfers gemeen hebben.
    """),
    figure="Het cijfer {label} als plaatje, en als kolom van 784 getallen.",
    figure_result="Tien testcijfers (boven), en wat de volledig verbonden auto-encoder teruggeeft "
    "(onder).",
    note="Lagen van {layers} eenheden, {parameters} gewichten, {epochs} rondes: op de "
    "testplaatjes een PSNR van {psnr} dB en een SSIM van {ssim}.",
)

STACKING = t.Stacking(
    heading="Wat stapelen kost",
    text=t.paragraphs("""
        Volgens het artikel gaat er door het stapelen heel veel informatie verloren. Geen enkele
        waarde verdwijnt; wat het netwerk niet meer te horen krijgt, is welke pixels buren zijn.
        Of dat erg is, kun je meten.

        Een volledig verbonden en een convolutionele auto-encoder krijgen een even lange code,
        {units} getallen, en hetzelfde budget. Daarna beginnen ze allebei opnieuw met gehusselde
        cijfers: alle pixels wisselen van plaats, in elk plaatje op dezelfde manier. Voor een
        volledig verbonden laag is dat alleen een andere volgorde van de invoer. Een convolutie
        kijkt naar buren, en treft nu vreemden.
    """),
    budget="Het budget: {epochs} rondes over {images} plaatjes. Het volledig verbonden "
    "netwerk heeft {dense_parameters} gewichten, het convolutionele {convolutional_parameters}.",
    figure="Testcijfers (boven), en dezelfde cijfers met gehusselde pixels (onder).",
    figure_result="Wat ze allebei teruggeven; bij gehusselde cijfers staan de pixels weer op hun "
    "plaats.",
    table="PSNR op de testplaatjes, in dB.",
    plain_dense="Op gewone cijfers ligt het volledig verbonden netwerk voor: {dense} dB tegen "
    "{convolutional} dB. Zulke kleine plaatjes hebben geen convoluties nodig.",
    plain_level="Op gewone cijfers ligt geen van beide voor: {dense} dB volledig verbonden, "
    "{convolutional} dB convolutioneel. Een verschil onder {tolerance} dB zegt niets.",
    plain_convolutional="Op gewone cijfers ligt het convolutionele netwerk voor: "
    "{convolutional} dB tegen {dense} dB.",
    dense_same="Het volledig verbonden netwerk merkt niets van het husselen: {plain} dB ervoor, "
    "{shuffled} dB erna.",
    dense_changed="Het volledig verbonden netwerk ging van {plain} dB naar {shuffled} dB. Aan de "
    "volgorde op zich kan dat niet liggen: in een andere volgorde zijn dezelfde willekeurige "
    "gewichten een ander begin.",
    convolutional_worse="Het convolutionele netwerk lijdt eronder: {plain} dB ervoor, "
    "{shuffled} dB erna. Het steunde erop dat buurpixels bij elkaar horen.",
    convolutional_unhurt="Het convolutionele netwerk lijdt er niet onder: {plain} dB ervoor, "
    "{shuffled} dB erna.",
    confirmed="De buurt is dus iets waard voor een netwerk dat haar kan zien, en een volledig "
    "verbonden netwerk ziet haar nooit. Dat is het verlies dat het artikel bedoelt; hoe zwaar het "
    "weegt, hangt van de plaatjes af.",
    open="Deze run laat het verlies waar het artikel over spreekt dus niet zien. Langer leren, of "
    "meer plaatjes, misschien wel.",
)

CUBES = t.Cubes(
    heading="Van plat plaatje naar blok",
    text=t.paragraphs("""
        Elk niveau van de encoder maakt het plaatje kleiner en beschrijft elke plek met een aantal
        kenmerken. Het platte plaatje wordt een blok: rijen, kolommen, en één kanaal per kenmerk.

        Het kleinste blok is de code, tenzij een volledig verbonden laag het nog verder
        samenperst, tot een handvol getallen. De decoder leidt van de code terug naar een plaatje.
        Vaak is hij het spiegelbeeld van de encoder, maar dat hoeft niet.
    """),
    figure="De blokken van het netwerk, op schaal: rijen en kolommen als hoogte en breedte, "
    "kanalen als diepte.",
    table="De lagen, de vorm die elke laag maakt, en haar gewichten.",
    note="Samen {parameters} gewichten. Het plaatje telt {pixels} getallen, de code {code}.",
    note_presets="De tekst van het artikel belooft een verborgen laag van 10 eenheden, het "
    "notebook heeft er geen. Beide netwerken zijn getraind: {psnr_hidden} dB met de verborgen "
    "laag ({parameters_hidden} gewichten), {psnr_notebook} dB zoals in het notebook "
    "({parameters_notebook} gewichten).",
)

FEATURES = t.Features(
    heading="Waar het netwerk naar zoekt",
    text=t.paragraphs("""
        Een filter is een klein patroon van gewichten dat over het plaatje schuift. Op elke plek
        worden pixels en gewichten vermenigvuldigd en opgeteld: hoe meer de plek op het patroon
        lijkt, hoe hoger de uitkomst. De uitkomsten van alle plekken samen vormen een kenmerkkaart
        (feature map).

        De filters van de eerste laag kun je zo bekijken. Diepere filters combineren veel kanalen;
        daar zeggen de kaarten meer dan de gewichten.
    """),
    figure_filters="De {count} filters van laag {layer}, elk van {kernel}x{kernel} gewichten.",
    figure_match="Eén filter schuift over het cijfer {digit}: licht waar het past.",
    figure_maps="De kenmerkkaarten van laag {layer} bij het cijfer {digit}.",
)

STEPS = t.Steps(
    heading="Opvullen, stappen, ReLU en onderbemonsteren",
    text=("Vier kleine keuzes, elk getoond aan het cijfer {digit}.",),
    padding="Aan de rand heeft een kernel pixels nodig die er niet zijn. Bij `same` komen er "
    "nullen om het plaatje (padding), en er komen evenveel pixels uit als erin gingen. Bij "
    "`valid` blijft de kernel binnen de rand, en wordt het plaatje kleiner. In het origineel "
    "zorgt één precies geplaatste `valid` ervoor dat er weer 28 pixels uitkomen; hier komt elke "
    "maat uit, omdat het plaatje vooraf wordt opgevuld en de uitkomst daarna bijgesneden.",
    padding_figure="Hetzelfde filter met `same` (links) en met `valid` (rechts).",
    padding_note="Een kernel van {kernel}x{kernel} maakt van {before} met `same` {same}, en met "
    "`valid` {valid}.",
    stride="De stap (stride) is het aantal pixels dat het filter telkens opschuift. Met een stap "
    "van 2 slaat het de helft van de rijen en kolommen over, en is de uitkomst half zo hoog en "
    "half zo breed. Dat kan de plaats van onderbemonstering innemen.",
    stride_figure="Hetzelfde filter met stappen van {strides}.",
    stride_note="Een stap van {stride} maakt van {before} {after}.",
    relu="ReLU zet negatieve waarden op nul en laat de andere staan. Zonder zo'n knik ertussen "
    "kon je twee convoluties door één vervangen.",
    relu_figure="Een kenmerkkaart voor ReLU (links) en erna (rechts).",
    relu_note="{share} % van de waarden was negatief en is nu nul.",
    pooling="Onderbemonstering (pooling) maakt van elk venster van {size}x{size} waarden één "
    "waarde. Het maximum bewaart de sterkste reactie, waar in het venster die ook zit; het "
    "gemiddelde bewaart de gemiddelde helderheid; de som telt op wat er is.",
    pooling_figure="Een kenmerkkaart na onderbemonstering met maximum, gemiddelde en som.",
    pooling_note="{before} wordt {after}.",
    sum_border="Keras heeft geen laag voor de som. Het gemiddelde maal de oppervlakte van het "
    "venster klopt niet waar een venster over de rand steekt, omdat Keras deelt door het aantal "
    "waarden dat er echt is: {wrong} in plaats van {right} in een hoek waar elke waarde 1 is.",
)

TRAINING = t.Training(
    heading="Leren",
    text=t.paragraphs("""
        Het netwerk krijgt een groepje cijfers (batch), de uitkomsten worden met de doelen
        vergeleken, en elk gewicht schuift een klein stukje op naar waar het verlies kleiner is.
        Zijn alle plaatjes geweest, dan is er een ronde (epoch) om.

        Naast het verlies staan twee maten die ook tussen verliesfuncties te vergelijken zijn:
        PSNR, die in decibel zegt hoe klein de kwadratische fout is, en SSIM, die zegt hoezeer de
        structuren op elkaar lijken en bij gelijke plaatjes 1 is.
    """),
    figure_loss="Het verlies na elke ronde, op de leerplaatjes en op de apart gehouden plaatjes.",
    figure_psnr="De PSNR van de apart gehouden plaatjes, na elke ronde.",
    figure_time="Dezelfde PSNR, naar de tijd die aan het leren is besteed.",
    note="{optimizer}, {epochs} rondes in groepjes van {batch}, {seconds} seconden. "
    "Validatieverlies van {first} naar {last}, het laagste {best}; PSNR {psnr} dB.",
    floor="Binaire kruisentropie kan bij grijze doelen niet op nul uitkomen: een pixel van 0,5 "
    "kost 0,693, ook als het netwerk precies 0,5 zegt. De ondergrens is de gemiddelde entropie "
    "van de doelen, hier {floor}; er valt dus alleen nog te winnen wat daarboven ligt: {above}.",
    original="Het notebook van de auteur noemt een validatieverlies van {loss} na {epochs} rondes "
    "over 60.000 plaatjes. De validatieplaatjes waren daar de testplaatjes.",
)

RECONSTRUCTION = t.Reconstruction(
    heading="Tien cijfers, teruggegeven",
    text=t.paragraphs("""
        Er gaan schone cijfers in, en er horen schone cijfers uit te komen. Ruis wordt hier niet
        verwijderd; de figuur laat zien hoeveel van een cijfer door de code heen komt.
    """),
    figure="Tien testcijfers (boven) en hun reconstructies (onder).",
    note="Op {images} testplaatjes: een PSNR van {psnr} dB en een SSIM van {ssim}.",
)

NOISE = t.Noise(
    heading="Ruis erbij",
    text=t.paragraphs("""
        Bij elke pixel wordt een toevalsgetal opgeteld, uit een normale verdeling met een
        standaardafwijking van {sigma}; wat onder 0 of boven 1 uitkomt, wordt 0 of 1. De ruis
        volgt uit het startgetal, en is dus dezelfde voor wie deze pagina opnieuw maakt.
    """),
    other="Bij elk cijfer komt ruis: `{noise}`. Die volgt uit het startgetal, en is dus dezelfde voor "
    "wie deze pagina opnieuw maakt.",
    figure="Dezelfde tien cijfers, met ruis.",
    note="Met ruis tegen schoon: een PSNR van {psnr} dB en een SSIM van {ssim}. Dat heb je al als "
    "je niets doet.",
)

DENOISED = t.Denoised(
    heading="Tien cijfers, ontruist",
    text=t.paragraphs("""
        Nu gaan er cijfers met ruis in, en zijn de schone het doel.

        Onder elk cijfer met ruis staat wat het model van dat cijfer met ruis maakt. Het heeft van
        het cijfer noch van de ruis geleerd.
    """),
    continued="Het is het netwerk dat al geleerd had cijfers terug te geven, en de optimizer gaat "
    "verder waar hij was.",
    fresh="Het netwerk begint met willekeurige gewichten.",
    figure="Tien testcijfers met ruis (boven), en de uitkomst van het model op die invoer met "
    "ruis (onder).",
    scores="{psnr} dB / {ssim}",
    note="Op {images} testplaatjes met ruis stijgt de PSNR van {noisy_psnr} naar {psnr} dB, en "
    "gaat de SSIM van {noisy_ssim} naar {ssim}.",
    note_worse="Op {images} testplaatjes met ruis is de uitkomst niet beter dan de invoer: PSNR "
    "{noisy_psnr} dB ervoor, {psnr} dB erna, SSIM {noisy_ssim} en {ssim}. Dit netwerk heeft nog "
    "niet genoeg geleerd.",
)

STUDY = t.Study(
    heading="Hoeveel filters?",
    text=t.paragraphs("""
        Met meer filters zijn meer kenmerken te vinden, en het kost meer tijd. Neem er zo weinig
        mogelijk, raadt het artikel aan. Daarom hebben {count} netwerken met verschillende
        aantallen filters op dezelfde manier geleerd, en zijn ze beoordeeld op apart gehouden
        plaatjes.
    """),
    figure="Elk punt is een netwerk: hoe lang het leerde, en welke PSNR het haalde.",
    found="Het kleinste netwerk dat {wanted} dB haalt, heeft {filters} filters en {parameters} "
    "gewichten: {psnr} dB na {seconds} seconden.",
    none="Geen van de {count} netwerken haalt {wanted} dB. Het beste heeft {filters} filters en "
    "{parameters} gewichten: {psnr} dB na {seconds} seconden.",
)

PRETRAINED = t.Pretrained(
    heading="Netwerken die al geleerd hebben",
    text=t.paragraphs("""
        Tien netwerken die van de foto's van ImageNet geleerd hebben, zijn opnieuw te gebruiken:
        Xception, VGG16, VGG19, ResNet50, InceptionV3, InceptionResNetV2, MobileNet, DenseNet,
        NASNet en MobileNetV2. Elk ervan kan de encoder van een auto-encoder zijn, bevroren of
        doorlerend, of de jury in een perceptueel verlies, dat kenmerken vergelijkt in plaats van
        pixels.

        Dat kan helpen als je weinig plaatjes hebt en ze op foto's lijken. Kleine witte cijfers op
        zwart lijken niet op foto's; en een netwerk dat dingen moet benoemen, mag de fijne details
        vergeten die bij het ontruisen juist terug moeten komen.

        Zonder gewichten weet zo'n netwerk niets. Ze komen uit een eigen bestand of uit de
        download van Keras; is er geen van beide, dan zegt ruis dat.
    """),
    not_measured="Op deze pagina niet gemeten: daar zijn gewichten voor nodig die anderen hebben geleerd.",
)

ANOMALY = t.Anomaly(
    heading="Vinden wat er niet bij hoort",
    text=t.paragraphs("""
        Een auto-encoder die maar één cijfer heeft gezien, de {digit}, hoort dat cijfer beter terug
        te geven dan elk ander. Dan zegt de fout van zijn reconstructie hoe afwijkend een plaatje
        is, en laat een warmtekaart (heat map) zien waar.

        De AUROC is de kans dat een afwijkend cijfer een hogere score krijgt dan een normaal
        cijfer: 1 is volmaakt, 0,5 is gokken. PCA, een auto-encoder zonder knikken, en een
        isolation forest kregen dezelfde cijfers.
    """),
    figure_again="Testcijfers (boven), en wat er komt uit het netwerk dat alleen de {digit} kent "
    "(onder).",
    figure_heat="Dezelfde cijfers, met warmtekaarten van de fout.",
    figure_scores="De scores van normale en van afwijkende testcijfers. Boven de drempel komt "
    "{share} % van de normale cijfers waarmee hij is bepaald.",
    note="AUROC: auto-encoder {autoencoder}, PCA {pca}, isolation forest {forest}.",
    ahead="Hier houdt de auto-encoder ze het best uit elkaar.",
    behind="Hier doet {best} het beter dan de auto-encoder: meet eerst wat eenvoudig is.",
)

DEFECTS = t.Defects(
    heading="Zeven dingen rechtgezet",
    text=(
        "Het recept `article-notebook` volgt het notebook van de auteur, behalve waar dat fout zit.",
    ),
    seven=t.paragraphs("""
        De figuur die “denoised” heet, toont de uitkomst op schone plaatjes, afgedrukt onder die
        met ruis; hier is het de uitkomst op de plaatjes met ruis.

        In de Keras van nu betekent de naam `adadelta` een leersnelheid van 0,001, waarmee het
        netwerk nauwelijks leert; toen het notebook werd geschreven was dat 1,0, en in dat recept
        is het weer 1,0.

        Tekst en figuur beloven een verborgen laag van 10 eenheden, het notebook heeft er geen;
        hier zijn beide netwerken te trainen en te vergelijken.

        De tekst spreekt van kernels van 2x2, het notebook gebruikt 3x3; hier heeft elk netwerk
        zijn eigen maat, en is die instelbaar.

        De testset was ook de validatieset; hier beslissen apart gehouden leerplaatjes, en zijn de
        testplaatjes voor de eindscores.

        De code van de encoder, zoals afgedrukt, is een syntaxfout; hier werkt ze, en wordt ze
        getest.

        Binaire kruisentropie daalt bij grijze doelen niet tot nul, dus zegt het getal op zich
        weinig; hier staan PSNR en SSIM ernaast.
    """),
)

AGAIN = t.Again(
    heading="Maak deze pagina zelf",
    text=("Deze opdracht maakt de pagina, met alle figuren en getallen:",),
    note="Nodig is `ruis[train,mnist]`. Hetzelfde startgetal geeft dezelfde ruis, dezelfde "
    "begingewichten en dezelfde volgorde van plaatjes; tijden, en bij sommige getallen de laatste "
    "cijfers, hangen van de computer af.",
)

TEXTS = t.Texts(
    language="nl",
    thousands=".",
    decimal=",",
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
