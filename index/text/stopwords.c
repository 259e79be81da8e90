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

#define LISTS      (sizeof lists / sizeof *lists)
#define WORDS_MOST 256

typedef struct word {
    const char *s;
    size_t len;
} word;

/* The words of each list, in order. */
static struct {
    word words[WORDS_MOST];
    size_t n;
} ordered[LISTS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int by_text(const void *a, const void *b)
{
    const word *x = a, *y = b;
    int order = memcmp(x->s, y->s, x->len < y->len ? x->len : y->len);

    return order ? order : (x->len > y->len) - (x->len < y->len);
}

static void order_words(void)
{
    for (size_t i = 0; i < LISTS; i++) {
        for (const char *p = lists[i].words + 1; *p && ordered[i].n < WORDS_MOST;) {
            size_t n = strcspn(p, " ");
            ordered[i].words[ordered[i].n++] = (word){p, n};
            p += n + 1;
        }
        qsort(ordered[i].words, ordered[i].n, sizeof(word), by_text);
    }
}

bool stopwords_has(const char *code, const char *s, size_t n)
{
    word wanted = {s, n};

    pthread_once(&once, order_words);
    for (size_t i = 0; i < LISTS; i++)
        if (!strcmp(lists[i].code, code))
            return bsearch(&wanted, ordered[i].words, ordered[i].n, sizeof wanted, by_text) != NULL;
    return false;
}
