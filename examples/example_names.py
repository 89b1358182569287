"""Names of people, streets and sites that exist nowhere."""


def words(text: str) -> list[str]:
    """The words of a text over several lines."""
    return text.split()


ENGLISH_FIRST = words(
    """
    Ada Aaron Amelia Andre Angela Anthony Beatrice Benjamin Brenda Caleb Carmen Charles Cheryl
    Clara Daniel Deborah Dmitri Dolores Edith Edward Elena Elijah Fatima Felix Fiona Frank
    Gloria Gordon Grace Hannah Harold Helen Ibrahim Irene Isaac Jasmine Jerome Joan Keisha
    Kenneth Laura Leon Lucia Malcolm Margaret Mei Miriam Nathan Nina Omar Patricia Priya Quentin
    Rachel Raymond Rosa Samuel Sofia Theodore Ursula Victor Wanda Xavier Yolanda Zachary
    """
)

ENGLISH_LAST = words(
    """
    Abbott Alvarez Anderson Archer Baker Barnes Bennett Bishop Brooks Callahan Carver Castillo
    Chen Coleman Crawford Dalton Diaz Dixon Douglas Ellison Ferguson Fischer Fleming Garrison
    Gibbs Gupta Hale Hamilton Harper Hensley Ingram Jansen Johansson Kaplan Keller Kim Lambert
    Larkin Lopez Mackey Marsh McAllister Mendoza Nakamura Nolan O'Brien O'Dell Okafor Ortega
    Pacheco Patel Pruitt Quinn Ramsey Reyes Rosen Saunders Schultz Sutton Tanaka Thorne
    Underwood Vance Vasquez Wallace Whitaker Yates Zimmerman
    """
)

FRENCH_FIRST = words(
    """
    Adèle Alain Amélie André Anne-Marie Aurélie Benoît Bérénice Cécile Céline Chloé Danièle
    Denis Édouard Élise Émile Étienne Eugénie Félix Florence François Françoise Geneviève Gérard
    Gisèle Hélène Hervé Hugo Irène Jean-François Jérôme Joël Josée Léa Léo Loïc Lucie Maëlle
    Marc-André Mélanie Michèle Noël Noémie Océane Pascal Raphaël Régis René Rosalie Sébastien
    Solène Stéphane Sylvie Thérèse Valérie Véronique Yves Zoé
    """
)

FRENCH_LAST = words(
    """
    Archambault Bélanger Bérubé Bilodeau Boisvert Bouchard Brière Caron Champagne Charbonneau
    Côté Cyr Demers Desrosiers Dionne Dubé Duchesne Falardeau Fontaine Fréchette Gagné Gauthier
    Gélinas Giguère Girard Grenier Hébert Jolicœur Lachance Laflèche Lalonde Langevin Lavallée
    Lebœuf Leclerc Lefrançois Lemieux Lépine Lévesque L'Heureux Marcotte Ménard Michaud
    Morissette Nadeau Ouellet Paquet Pelletier Prévost Quévillon Rémillard Rhéaume Rousseau
    Sénécal St-Onge Tanguay Thériault Tremblay Turcotte Vézina
    """
)

COMPANIES_ENGLISH = words(
    """
    Bakery Books Brewing Cafe Clinic Dental Garage Hardware Inn Library Orchard Pharmacy School
    Studio
    """
)

COMPANIES_FRENCH = words(
    """
    Boulangerie Brasserie Clinique Dentiste École Épicerie Ferme Garage Librairie Pharmacie
    """
)

# Site, its access equipment, and its share of the subscribers of its company.
ENGLISH_SITES = (
    ("Harbor Tower", "AP-HAR", 20),
    ("Mill Street", "OLT-MIL", 35),
    ("North Ridge", "AP-NOR", 25),
    ("Lakeview Cabinet", "OLT-LAK", 20),
)
FRENCH_SITES = (
    ("Tour du Mont-Écho", "AP-ECH", 45),
    ("Centrale Saint-Rémi", "OLT-REM", 55),
)
