/* stopwords.c - our own short lists: articles, pronouns, prepositions, conjunctions, auxiliaries
 * and question words. Words that also carry meaning on their own (German "wert", French "point",
 * English "may" apart from its capital) are left out where we knew of it: a word wrongly kept costs
 * little, since idf makes it cheap, a word wrongly dropped cannot be found.
 *
 * A list is one string of words between single blanks, put in order once and searched by halves: the analyzer
 * remembers the answer beside the stem, but a search of a collection on a cluster analyses texts that are always new. */
#include "index/text/stopwords.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *code, *words;
} lists[] = {
    {"en",
     " a about after again against all also am an and any are aren't as at be because been before "
     "being below between both but by can can't cannot could couldn't did didn't do does doesn't "
     "doing don't down during each either else ever every few for from further had hadn't has "
     "hasn't have haven't having he her here hers herself him himself his how however i if in into "
     "is isn't it it's its itself just let me more most much must my myself neither no nor not of "
     "off on once only or other our ours ourselves out over own same shall she should shouldn't "
     "since so some such than that that's the their theirs them themselves then there these they "
     "this those though through thus to too under until up upon us very was wasn't we were weren't "
     "what what's when where whether which while who whom whose why will with within without won't "
     "would wouldn't you your yours yourself yourselves "},
    {"de",
     " ab aber alle allem allen aller alles als also am an andere anderem anderen anderer anderes "
     "auch auf aus bei beim bin bis bist da dabei dadurch dafür damit danach dann daran darauf "
     "daraus darin darüber das dass dazu dein deine deinem deinen deiner dem den denn der deren "
     "des "
     "dessen die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine einem "
     "einen "
     "einer eines er es etwas euch euer eure für gegen hab habe haben hat hatte hatten hier hin "
     "hinter ich ihm ihn ihnen ihr ihre ihrem ihren ihrer ihres im in ins ist ja je jede jedem "
     "jeden "
     "jeder jedes jene jenem jenen jener jenes jetzt kann kein keine keinem keinen keiner können "
     "könnte man manche mein meine meinem meinen meiner mich mir mit muss musste nach nicht nichts "
     "noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seines seit selbst sich sie "
     "sind "
     "so solche solchem solchen solcher sollte sondern sowie über um und uns unser unsere unter "
     "viele "
     "vom von vor wann war waren warum was weil welche welchem welchen welcher welches wem wen "
     "wenn "
     "wer werde werden wessen wie wieder will wir wird wo wobei wodurch wofür worden wurde wurden "
     "während würde würden zu zum zur zwar zwischen "},
    {"es",
     " a al algo algún alguna algunas alguno algunos ante antes aquel aquella aquellas aquellos "
     "aquello aún así aunque cada como con contra cual cuál cuales cuáles cualquier cuando cuándo "
     "cuanta cuánta cuantas cuántas cuanto cuánto cuantos cuántos cuya cuyas cuyo cuyos de del "
     "desde "
     "donde dónde durante e el él ella ellas ello ellos en entre era eran eres es esa esas ese eso "
     "esos esta ésta está están estaba estaban estas estar este éste esto estos fue fueron ha "
     "había "
     "habían han hasta hay la las le les lo los más me mi mis mucho muchos muy nada ni no nos "
     "nosotros nuestra nuestro o os otra otras otro otros para pero poco por porque pues que qué "
     "quien quién quienes quiénes se sea según ser si sí sido sin sobre son soy su sus tal también "
     "tan tanto te tiene tienen toda todas todo todos tu tú tus un una unas uno unos usted ustedes "
     "y "
     "ya yo "},
    {"fr",
     " à afin ai ainsi alors après as au aucun aucune aussi autre autres aux avaient avait avant "
     "avec "
     "avez avoir avons c car ce ceci cela celle celles celui ces cet cette ceux chaque chez comme "
     "comment d dans de depuis des donc dont du elle elles en encore entre es est et étaient était "
     "été être eu eux fait furent fut il ils j je jusqu l la là laquelle le lequel les lesquelles "
     "lesquels leur leurs lors lorsqu lorsque lui m ma mais me même mêmes mes moi mon n ne ni non "
     "nos "
     "notre nous on ont ou où par parce pas pendant peu peut plus pour pourquoi puis puisque qu "
     "quand "
     "que quel quelle quelles quels qui quoi s sa sans se selon sera ses si soit son sont sous "
     "suis "
     "sur t ta te tel telle tes toi ton tous tout toute toutes très tu un une vers voici voilà vos "
     "votre vous y "},
    {"it",
     " a abbiamo ad agli ai al all alla alle allo anche ancora avere aveva avevano c che chi ci "
     "ciò "
     "coi col come con contro cosa così cui d da dagli dai dal dall dalla dalle dallo degli dei "
     "del "
     "dell della delle dello dentro di dopo dove due durante e è ed egli era erano essere essi fra "
     "fu "
     "furono gli ha hanno ho i il in io l la le lei li lo loro lui ma me mentre mi mia mie miei "
     "mio "
     "molto ne negli nei nel nell nella nelle nello no noi non nostra nostro o ogni oltre per "
     "perché "
     "però più poi prima qual quale quali quando quanta quante quanti quanto quel quella quelle "
     "quelli quello quest questa queste questi questo qui s se sei senza si sia siamo solo sono "
     "sopra "
     "sotto sta stata stati stato su sua sue sugli sui sul sull sulla sulle sullo suo suoi tra tu "
     "tua "
     "tuo tutta tutte tutti tutto un una uno vi voi "},
    {"pt",
     " a à ao aos as às até com como contra da das de dela dele deles depois desde do dos durante "
     "e é "
     "ela elas ele eles em entre era eram essa essas esse esses esta está estas este estes eu foi "
     "foram há isso isto já lhe lhes mais mas me mesmo meu meus minha muito na não nas nem no nos "
     "nós "
     "nossa nosso num numa o onde os ou para pela pelas pelo pelos perante pois por porque porquê "
     "qual quais quando quanta quantas quanto quantos que quê quem se sem ser seu seus são só sob "
     "sobre sua suas também tão te tem têm teu toda todas todo todos tu tua um uma umas uns você "
     "vocês "},
    {"nl",
     " aan al alle alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door "
     "dus een en er ge geen had hadden heb hebben heeft hem het hier hij hoe hoeveel hun iemand "
     "iets "
     "ik in is ja je kan kon kunnen maar me meer men met mij mijn na naar niet niets nog nu of om "
     "onder ons ook op over reeds te tegen toch toen tot u uit uw van veel voor waar waarom "
     "wanneer "
     "want waren was wat we wel welk welke wie wij wordt worden werd werden ze zelf zich zij zijn "
     "zo "
     "zonder zou zouden "},
    {"sv",
     " alla allt att av blev bli blir de dem den denna deras dess dessa det detta dig din ditt du "
     "där "
     "då efter ej eller en er ett från för ha hade han hans har henne hennes hon honom hur i icke "
     "inom inte jag ju kan kunde man med mellan men mig min mitt mot mycket ni nu när någon något "
     "några och om oss på sedan sig sin sina sitt sitter själv skulle som så sådan till under upp "
     "ut "
     "utan vad var vara varför vart vem vi vid vilka vilken vilket än är åt över "},
    {"da",
     " af alle alt at blev blive bliver da de dem den denne der deres det dette dig din disse dog "
     "du "
     "efter eller en end er et for fra ham han hans har havde have hende hendes her hos hun hvad "
     "hvem "
     "hvilke hvilken hvilket hvis hvor hvordan hvorfor hvornår i ikke ind jeg jer jo kan kunne man "
     "med meget men mig min mine mod ned noget nogen nogle nu når og også om op os over på sig sin "
     "sine skal skulle som sådan thi til ud under var ved vi vil ville vor være været "},
    {"no",
     " alle at av bare ble bli blir da de dem den denne der deres det dette din disse du eller en "
     "er "
     "et etter for fordi fra før ha hadde han hans har henne hennes her hun hva hvem hvilke "
     "hvilken "
     "hvis hvor hvordan hvorfor i ikke inn ja jeg kan kunne man med meg men mellom mer min mot mye "
     "nå "
     "når ned noe noen og også om opp oss over på seg sin sine skal skulle som så til um under ut "
     "uten var ved vi vil ville vår være vært å "},
    {"fi", " ei eivät ele että he hän häntä itse ja jo joka jonka jos jossa jotka jotta kanssa "
           "keitä kenen "
           "ketkä koska kuin kuinka kuka kun me mihin mikä mikäli millainen milloin minkä minä "
           "missä mistä "
           "mitkä mitä mutta myös ne niin nyt näin nämä ole oli olivat olla on ovat se sekä sen "
           "siinä sinä "
           "sitä tai te tämä tämän tässä vai vaan vaikka voi "},
    {"ru",
     " а без был была были было быть в вам вас весь во вот все всё всего всех вы где да для до его "
     "ее её если есть еще ещё же за и из или им их к как какая какие какое какой каком ко когда "
     "кого "
     "кому которая которого которой которые который которых кто ли либо между меня мне много может "
     "мы "
     "на над нас не него нее неё ней нет ни них но о об он она они оно от очень по под после при "
     "про "
     "с сколько со так также такой там те тем то того тоже той только том тот ту ты у уже чего чем "
     "что чтобы эта эти это этого этой этом этот эту я "},
    {"ar",
     " من في على إلى الى عن مع هذا هذه ذلك تلك التي الذي الذين هو هي هم هل ما ماذا متى أين اين كيف "
     "كم لماذا أي اي أو او و ثم أن ان إن لا لم لن قد كان كانت كل بعض بين عند عندما حتى منذ بعد قبل "
     "حيث كما لكن غير "},
};

/* More of each language, and languages that have no list of their own: auxiliaries and their forms,
 * question words, particles, politeness. Nothing scores by these. */
static const struct {
    const char *code, *words;
} wide[] = {
    {"en",
     " able anybody anyone anything anyway away back came come comes done else ever everybody "
     "everyone everything get gets getting give given gives go goes going gone got isn keep "
     "kept know known like likely made make makes making many maybe might mine need needs never "
     "next nobody none nothing often one ones ought perhaps please put quite rather really said "
     "say says see seen several show shown shows somebody someone something sometimes soon "
     "still take taken takes tell thank thanks thing things think together told took toward "
     "towards two unless used uses using usually want wants way well went whenever wherever "
     "whether whichever whoever whose yes yet yours "},
    {"de",
     " beide beiden bekommen bekommt bestimmt bevor bisher bitte bleiben bleibt brauche "
     "brauchen braucht danke darf darfst davon dazu derselbe dieselbe durfte dürfen dürft "
     "dürfte eben eigentlich einige einigen einmal entweder erst falls fand fast finde finden "
     "findet gab ganz geben gehen geht gemacht genau gern gerne gesagt gibt gleich habt hast "
     "heißen heißt heute hinaus hätte hätten ihnen immer indem innerhalb irgend irgendwo jedoch "
     "jemals jemand keiner keines komme kommen kommt konnte konnten könnt könnten lag lange "
     "lasse lassen lauten lautet lieber liegen liegt lässt mach machen macht mal manchmal mehr "
     "mehrere meisten musste mussten müssen müsst müsste nachdem neben nennen nennt nie niemand "
     "obwohl oft sage sagen sagt samt schon sei seid seien sieht soll sollen sollst sollt "
     "sollten sonst stand statt stehen steht tat trotz tun tut unter usw vielen vielleicht "
     "waren wart wegen weit weiter welches wenig weniger weshalb weswegen wieso wieviel "
     "wieviele wird wirst woher wohin wollen wollt wollte wollten womit woran worauf woraus "
     "worin worum worüber wovon wozu wäre wären zeig zeige zeigen zuerst zuletzt zurück zwecks "
     "zwei überhaupt übrigens "},
    {"es",
     " además ahora ahí allá allí apenas aquí bastante bien cabe casi cierto conmigo contigo "
     "cosa cosas da dan dar debe deben debería deberían debo dentro dice dicen dijo dos dónde "
     "encima encuentra estamos estoy estuve estuvieron estuvo estáis estás excepto fuera fui "
     "fuimos fuiste gracias gran grande hace hacen hacer hacia haciendo han haya hemos hice "
     "hizo hoy iba incluso ir jamás lado llama llamado llaman luego mediante menos mientras "
     "misma mismas mismo mismos muchas muchos muestra muestre muéstrame mía mío nadie ninguna "
     "ninguno ningún nuestras nuestros nunca ojalá pasa pase podemos podido podría podrían pone "
     "poner porqué primero pudo pueda puede pueden puedes puedo quiere quieren quiero quisiera "
     "sabe sabemos saber salvo será serán sería serían siempre siendo sino solamente solo somos "
     "soy suya suyo suyos sólo tampoco tenemos tener tengo tenía tenían tuve tuvieron tuvo usa "
     "usan usar va vamos van varias varios veces ver vez vosotros voy ya última último "},
    {"fr",
     " abord ailleurs aller allez allons as assez auquel aura auraient aurait auront auxquels "
     "avaient avais aviez avions beaucoup bien car cas ceci certaine certaines certains chacun "
     "chacune chose choses combien contre dehors deux devait devant devez devons dire dit dites "
     "doit doivent donne donner donnez durant elle ensuite es eut excepté faire fais faisait "
     "faites fallait faut font fut hors ici jamais laisse leurs lors lui maintenant malgré mien "
     "mieux moins n'est nulle oui outre parfois parmi personne peut peuvent pourra pourrait "
     "pouvait pouvez pouvoir pouvons presque pris près quoique rien sait sauf savoir sera "
     "serait seront seulement sinon soient soit sommes souvent suis tandis tant tellement "
     "telles tels tenir toujours trop tôt va vais vas vers veulent veut voir vont voulait "
     "voulez vouloir vu étais étant êtes "},
    {"it",
     " adesso allora altra altre altri altro appena assai avete avrebbe avrà bene bisogna "
     "chiama chiunque ciascuno cioè deve devo devono dice dovrebbe ecco essa esse esso fa fanno "
     "fare fatto fosse foste giù hai infatti insieme invece ma meglio meno nessun nessuna "
     "nessuno niente nulla ognuno oppure però poco poi possiamo posso possono potete potrebbe "
     "puoi purtroppo può quindi saranno sarebbe sarà sei sempre siete solamente soltanto spesso "
     "stai stanno stavano subito tale tanto troppo vada vai vanno vengono verso vicino viene "
     "voglio vogliono vorrei vostra vostro "},
    {"pt",
     " ainda algo algum alguma algumas alguns alguém ali ambos antes apenas aquela aquelas "
     "aquele aqueles aqui aquilo assim atrás bem cada com contudo cá deve devem dever diz dizer "
     "dois ela entre então estamos estar estava estavam esteve estive estou estão faz fazem "
     "fazer feito fica ficam fiquei fomos fora fosse grande havia hoje hora ir isso logo longe "
     "lá maioria melhor menos minhas muita muitas muitos nada nenhum nenhuma ninguém nosso "
     "nossos nunca ou outra outras outro outros pode podem poder poderia posso pouca pouco "
     "primeiro própria próprio pôde quais quaisquer qualquer quanta quer quero quiser sabe seja "
     "sejam sempre sendo será serão sido somente somos sou tal talvez tanto tenho teria teriam "
     "tinha tinham tive toda todavia todos tudo vai vamos vem vez vezes viu vocês vos vou vão "},
    {"nl",
     " aangezien achter af allen anders behalve beide beneden bent bijna binnen blijft boven "
     "buiten daarna daarom daarvan deed dezelfde dient doet dus echter eens eerst eigen elk "
     "elke enige enkele ga gaan gaat geeft geen geweest gewoon graag haar hebt heel hierin "
     "hoewel ieder iedere iedereen indien inmiddels jij jou jouw jullie komen komt krijgen "
     "krijgt laten later liever ligt mag meestal men mijne minder misschien mochten moest "
     "moesten moet moeten mogen naast nadat nergens niemand nooit ofwel omdat omhoog ooit "
     "overal pardon pas sinds sommige soms staat steeds straks tegen terwijl tijdens tussen uwe "
     "vaak vanaf volgens vooral voordat waarin waarmee waarop waaruit waarvan wanneer weer "
     "wegens weinig wil wilde willen wilt zal zeggen zegt zei zit zoals zodat zoiets zowel "
     "zullen "},
    {"sv",
     " aldrig alltid alltså andra annan annat bara behöver bland borde bra bör därför eftersom "
     "endast faktiskt fanns fick finns flera få får ger gick gjorde gå går gör göra hellre "
     "heter hit hos idag igen innan istället ja kom kommer kunna ligger lite längre låta mer "
     "mest måste nej nog nya nästan ofta olika sade samma ska skall står sätt tack tar tills "
     "trots två utom varje vars vill ville visst väl våra vårt "},
    {"da",
     " aldrig allerede alligevel altid anden andet andre bare blandt bliver burde både bør "
     "derefter derfor dine du enhver ens fik findes flere få før først gang gerne gik giver går "
     "gør gøre hedder heller hende hvilken hvordan idag igen igennem imellem inden ingen intet "
     "jamen jeres kom kommer kunnet lidt lige ligger mellem mens mere mest må måske måtte nej "
     "nogle nok næsten ofte samme selv siden sidste siger sine skulle stadig står så tager tak "
     "to uden undtagen vore vores været "},
    {"no",
     " aldri alle allerede alltid andre annen annet bare blant burde både bør dere deres derfor "
     "din ditt enn ennå enten fikk finnes flere få først gang gikk gir gjorde gjør gjøre går "
     "heller heter hit hvilket idag igjen ingen ingenting kom kommer kunne ligger litt mens mer "
     "mest må måtte nei nesten noen nok ofte opp samme selv siden sier sist ta takk tar to "
     "trenger under unntatt våre vårt "},
    {"fi",
     " ehkä ei eikä emme en enemmän ennen enää et ette haluan heidän heille hyvin ihan ilman "
     "jokainen joku jolla jopa jota joten kaiken kaikki kaikkien kenelle kiitos koko kukaan "
     "kyllä lisäksi mikään minne minua minulla minun moni monta mukaan muut noin nuo nyt olemme "
     "olen olet olette oliko olisi ollut onkaan onko paljon paljonko pitää saa saako saan sama "
     "sitten tuo täytyy vain vielä voiko voivat yksi "},
    {"tr",
     " acaba ama ancak arada asla az bana bazı belki ben beni benim bile bir biri birkaç biz "
     "bize bizim bu buna bunda bundan bunu bunun da daha de defa değil diye en eğer gibi hangi "
     "hem hep hepsi her hiç ile ise için kadar kaç kez ki kim kime kimin kimse mi mu mü mı "
     "nasıl ne neden nedir nerede nereye niye niçin o olan olarak oldu olduğu olur ona ondan "
     "onlar onu onun sanki sen seni senin siz sizin tüm var ve veya ya yani yok zaman çok çünkü "
     "şey şu "},
    {"hu",
     " a abban ahhoz ahogy ahol aki akik akkor alatt amely amelyek ami amikor amíg annak arra "
     "arról az azok azon azonban azt aztán azután azért be belül benne bár cikk csak de e egy "
     "egyes egyik egyéb egész el ellen elő először előtt emilyen erre ez ezek ezen ezt ezért "
     "fel felé ha hanem hogy hogyan hol honnan hova hozzá igen ill ilyen ismét kell keresztül "
     "ki kicsoda kinek későn legalább legyen lehet lesz lett maga meg mellett mely melyik mert "
     "mi mikor milyen mind minden mint mit mivel miért most már más még nagy nagyon ne nem "
     "nincs néha néhány nélkül olyan ott pedig s saját sem semmi sok sokat szemben szerint "
     "szinte talán te tehát teljes tovább több utolsó után vagy vagyok való van vannak vele "
     "vissza volna volt voltak által általában át én éppen és így össze új ő ők őket "},
    {"ro",
     " a acea aceasta această aceea acei aceia acel acela acele acest acesta aceste acestea "
     "acești acolo acum ai al ale alt alta altă am are asta asupra atunci au avea aveți azi aș "
     "așa ca care ce cei cel cele cine cineva cu cum cumva cât câte câți că da dacă dar de deci "
     "deja deoarece deși din după ea ei el ele era este eu fi fie fiecare fost fără in la le li "
     "lor lui mai mea mei mele mi mult multe nici nimeni nimic niște noastră noi nostru nu o "
     "ori oricare pe pentru peste poate pot prea prin sau se spre sub sunt să te toate tot toți "
     "tu un una unde unei unele unor unui voi vom vor vreo în înainte încât între "},
    {"ca",
     " a això al als altra altre altres amb aquell aquella aquells aquest aquesta aquestes "
     "aquests aquí bé cada com del dels des després dins doncs durant el ell ella elles ells "
     "els em en encara ens entre era eren es estan està et fa fer fins fou ha han has he hem hi "
     "i jo la les li ll llavors lo los m'ha mai meu meva molt molta molts més no nosaltres "
     "nostra nostre o on pel pels per perquè però poc poden pot potser qual quan quant quanta "
     "quants que qui quin quina quines quins què s'ha sempre sense ser seu seva si sobre sota "
     "són també tan tant te tenen teu tot tota totes tots té un una unes uns va van vostra "
     "vostre és "},
    {"pl",
     " a aby albo ale bardzo bez bo by być był była było były co coś czego czemu czy dla "
     "dlaczego do gdy gdyby gdzie go i ich ile im in ja jak jaka jaki jakie je jeden jego jej "
     "jemu jest jestem jeszcze jeśli jeżeli już każdy kiedy kim kogo kto która które którego "
     "której który których którzy lub ma mają mam mi mnie mogą może można musi my mój na nad "
     "nam nas nasz nawet nic nich nie nigdy nim niż o od on ona one oni ono oraz pan po pod "
     "ponieważ poza przed przez przy się sobie swój są ta tak taka taki także tam te tego tej "
     "ten też to tu tych tylko tym w wasz we więc wszyscy wszystko z za ze że żeby "},
    {"cs",
     " a aby aj ale ani asi až bez bude budou by byl byla byli bylo být co což další do ho i "
     "jak jako jaká jaké je jeho jej jejich její jen jestli jestliže ještě ji jich jsem jsi "
     "jsme jsou jste já k kam každý kde kdo kdy kdyby když kolik která které který kteří ku ma "
     "mají mezi mi mně my má máme mít mě můj může na nad ne nebo nebyl nejsou není než nic nich "
     "nám náš něco o od on ona oni ono pak po pod podle pokud pouze pro proto protože proč před "
     "přes při s se si své svůj ta tak také tam tato ten tento to toho tom tomto tu ty této tě "
     "u už v ve vy vám váš více však vše všechno z za ze či že "},
    {"id",
     " ada adalah agar akan aku anda antara apa apabila apakah atas atau bagaimana bagi bahwa "
     "banyak beberapa begitu belum berapa bila bisa boleh dalam dan dapat dari daripada dengan "
     "di dia diri hanya harus hingga ia ini itu jika juga kalau kami kamu kapan karena ke "
     "kepada kita lagi lain lebih maka mana masih mengapa mereka namun oleh pada para pernah "
     "saat saja sampai sangat saya sebagai sebelum sebuah sedang sejak selama semua sendiri "
     "seperti serta setelah setiap siapa sudah supaya tanpa telah tentang tersebut tetapi tidak "
     "untuk yaitu yang "},
};

#define LISTS      (sizeof lists / sizeof *lists)
#define WIDE       (sizeof wide / sizeof *wide)
#define WORDS_MOST 256

typedef struct word {
    const char *s;
    size_t len;
} word;

typedef struct word_set {
    word words[WORDS_MOST];
    size_t n;
} word_set;

/* The words of each list, in order. */
static word_set ordered[LISTS], wider[WIDE];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int by_text(const void *a, const void *b)
{
    const word *x = a, *y = b;
    int order = memcmp(x->s, y->s, x->len < y->len ? x->len : y->len);

    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void order_list(const char *list, word_set *out)
{
    for (const char *p = list + 1; *p && out->n < WORDS_MOST;) {
        size_t n = strcspn(p, " ");
        out->words[out->n++] = (word){p, n};
        p += n + 1;
    }
    qsort(out->words, out->n, sizeof(word), by_text);
}

static void order_words(void)
{
    for (size_t i = 0; i < LISTS; i++)
        order_list(lists[i].words, &ordered[i]);
    for (size_t i = 0; i < WIDE; i++)
        order_list(wide[i].words, &wider[i]);
}

static bool in_set(const word_set *set, const char *s, size_t n)
{
    word wanted = {s, n};

    return bsearch(&wanted, set->words, set->n, sizeof(word), by_text) != NULL;
}

bool stopwords_has(const char *code, const char *s, size_t n)
{
    pthread_once(&once, order_words);
    for (size_t i = 0; i < LISTS; i++)
        if (!strcmp(lists[i].code, code))
            return in_set(&ordered[i], s, n);
    return false;
}

bool stopwords_wide(const char *code, const char *s, size_t n)
{
    if (stopwords_has(code, s, n))
        return true;
    for (size_t i = 0; i < WIDE; i++)
        if (!strcmp(wide[i].code, code) && in_set(&wider[i], s, n))
            return true;
    return false;
}

const char *stopwords_language(size_t i)
{
    if (i < LISTS)
        return lists[i].code;
    for (size_t k = 0; k < WIDE; k++) { /* those that have no list of the first kind */
        bool first = true;
        for (size_t l = 0; l < LISTS && first; l++)
            first = strcmp(lists[l].code, wide[k].code) != 0;
        if (first && i-- == LISTS)
            return wide[k].code;
    }
    return NULL;
}

bool stopwords_any(const char *s, size_t n)
{
    const char *code;

    for (size_t i = 0; (code = stopwords_language(i)); i++)
        if (stopwords_wide(code, s, n))
            return true;
    return false;
}
